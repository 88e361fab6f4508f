// The network of a simulated world: sockets with the states that Linux gives them, and what is on
// its way between them.
//
// A direction of a connection lives in the socket that receives it: the bytes that were sent and
// not yet read, how many of them have arrived, and the segments that are still to come. Everything
// that takes time is an event in one queue; the backend lets the clock jump from one to the next.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "asyncio/loop/backend.hpp"
#include "asyncio/streams/byte_queue.hpp"
#include "asyncio/testing/network.hpp"
#include "asyncio/testing/random.hpp"
#include "asyncio/testing/trace.hpp"

namespace asyncio::testing::detail {

// Where a socket that is not bound comes from when it connects to another host.
inline constexpr const char* kHome4 = "10.0.0.1";
inline constexpr const char* kHome6 = "fd00::1";

// Of a Unix socket that is bound to nothing.
SocketAddress unnamed_unix_address() noexcept;

struct SimSocket;
using SocketRef = std::shared_ptr<SimSocket>;

struct Segment {
  enum class Kind : unsigned char { data, fin, reset, established };
  Nanoseconds arrival;
  Kind kind;
  std::size_t bytes = 0;
};

// One datagram, on its way or waiting to be read.
struct SimDatagram {
  SocketAddress from;
  SocketAddress to;
  std::string bytes;
  bool lost = false;     // it will not arrive, but takes its time on the way
  bool is_copy = false;  // the network has made two of one
};

struct SimSocket {
  enum class State : unsigned char { fresh, listening, connecting, open, dead };
  static constexpr std::size_t kNoConnection = ~std::size_t{0};

  int fd = -1;  // -1: not accepted yet, or closed
  std::int64_t number = 0;
  int family = 0;
  int type = 0;
  State state = State::fresh;
  bool bound = false;
  bool reuse_address = false;
  std::map<std::pair<int, int>, int> options;  // by level and number
  bool told_connected = true;  // the first connect() after the handshake says 0, the next EISCONN
  SocketAddress local;
  SocketAddress remote;
  SocketRef peer;
  Descriptor* descriptor = nullptr;
  bool listed = false;  // an edge waits to be told
  int error = 0;        // SO_ERROR
  bool closed = false;

  // A connection's incoming half.
  asyncio::detail::ByteQueue bytes;
  std::size_t arrived = 0;
  std::deque<Segment> incoming;
  Nanoseconds last_arrival{0};
  bool fin_seen = false;
  // Its outgoing half; what is on its way is the peer's.
  bool fin_sent = false;
  bool reset_sent = false;
  bool reset_at_close = false;
  bool no_space = false;
  bool stalled = false;  // an injected short write: room comes back in a moment
  bool muted = false;    // cut: what is sent is lost
  std::uint64_t sent = 0;
  std::size_t lost_bytes = 0;
  std::size_t buffer = 0;
  std::size_t connection = kNoConnection;
  Flow flow = Flow::to_server;

  // A listening socket.
  std::deque<SocketRef> queue;
  std::size_t handshakes = 0;
  std::size_t backlog = 0;
  SocketRef listener;  // of a connection that stands in its queue

  int syn_attempts = 0;

  // A socket of datagrams, which is connected when it has a remote address.
  std::deque<SimDatagram> datagrams;
  std::size_t waiting = 0;  // bytes of them
  std::size_t on_way = 0;   // bytes that it has sent and that have not arrived
};

// What a Unix socket was bound to: a file, or an abstract name that goes with its socket.
struct UnixName {
  SocketRef socket;  // null: closed, and its file is still there
  std::uint64_t inode = 0;
};

struct Answer {
  std::vector<std::string> addresses;
  Nanoseconds delay{0};
  int error = 0;
};

struct CutRule {
  std::size_t connection;
  Flow flow;
  std::uint64_t offset;
  Cut how;
};

class NetworkModel {
 public:
  NetworkModel(Random& chance, EventTrace& trace, const Nanoseconds& now, const Nanoseconds& start)
      : chance_(&chance), trace_(&trace), now_(&now), start_(&start) {}
  NetworkModel(const NetworkModel&) = delete;
  NetworkModel& operator=(const NetworkModel&) = delete;
  ~NetworkModel();

  // --- the calls
  // ----------------------------------------------------------------------------------
  int socket(int family, int type, std::size_t limit);
  int bind(int fd, const SocketAddress& address);
  int listen(int fd, int backlog);
  int accept(int fd, SocketAddress& peer, std::size_t limit);
  int connect(int fd, const SocketAddress& address);
  int shutdown_write(int fd);
  std::ptrdiff_t recv(int fd, std::span<std::byte> buffer);
  std::ptrdiff_t send(int fd, std::span<const std::span<const std::byte>> pieces);
  std::ptrdiff_t recv_from(int fd, std::span<std::byte> buffer, ReceivedDatagram& info);
  std::ptrdiff_t send_to(int fd, std::span<const std::byte> data, const SocketAddress& to);
  int socket_error(int fd);
  int set_option(int fd, int level, int option, int value);
  int get_option(int fd, int level, int option, int& value);
  int socket_pair(int type, std::array<int, 2>& ends, std::size_t limit);
  int poll_now(int fd, Readiness& ready);
  int identify_file(const std::string& path, FileIdentity& identity);
  int unlink(const std::string& path);
  int local_address(int fd, SocketAddress& out);
  int peer_address(int fd, SocketAddress& out);
  void close(int fd) noexcept;
  int watch(Descriptor& descriptor);
  void unwatch(const Descriptor& descriptor) noexcept;
  ResolveAnswer resolve(const ResolveQuery& query, Nanoseconds& delay);
  [[nodiscard]] std::int64_t number_of(int fd) const noexcept;

  // --- time
  // ---------------------------------------------------------------------------------------
  /// When something happens next; max() when nothing will.
  [[nodiscard]] Nanoseconds next_event() const noexcept;
  /// Lets happen what is due.
  void run_due();
  [[nodiscard]] bool has_edges() const noexcept { return !edges_.empty(); }
  /// Tells the listeners of all descriptors with an edge.
  void dispatch(bool shuffle);

  // --- what the test says
  // -------------------------------------------------------------------------
  void heal();
  void reset_at_close(int fd);
  void reset_all();
  using Pair = std::pair<std::string, std::string>;
  std::map<std::string, std::string, std::less<>> hosts;  // address to name
  std::map<Pair, LinkOptions> links;
  LinkOptions default_link;
  std::set<Pair> blocked;
  std::set<std::string, std::less<>> drops_connects;
  std::map<std::string, std::deque<Answer>, std::less<>> answers;
  std::size_t buffer = 128 * 1024;
  std::size_t local_ports = 28'232;
  Segmentation segmentation = Segmentation::whole;
  std::uint64_t split_at = 0;
  std::uint64_t short_calls = 0;
  std::vector<CutRule> cuts;
  std::vector<std::array<std::uint64_t, 2>> sent;  // of each connection, by Flow
  [[nodiscard]] std::size_t open_descriptors() const noexcept { return sockets_.size(); }

 private:
  struct Event {
    enum class Kind : unsigned char {
      arrival,
      syn,
      syn_answer,
      refused,
      timed_out,
      room,
      reveal,
      datagram,
      unreachable
    };
    Nanoseconds when;
    std::uint64_t order;
    Kind kind;
    SocketRef subject;
    std::shared_ptr<SimDatagram> datagram;
  };
  static bool later(const Event& a, const Event& b) noexcept {
    return a.when != b.when ? a.when > b.when : a.order > b.order;
  }

  [[nodiscard]] SocketRef find(int fd) const noexcept;
  int install(const SocketRef& socket);
  void schedule(Nanoseconds when, Event::Kind kind, const SocketRef& subject);
  void note(const char* name, const SimSocket& socket, std::int64_t result);
  void run(const Event& event);

  // network_model.cpp: names and distances
  [[nodiscard]] bool exists(const SocketAddress& address) const;
  [[nodiscard]] SocketRef listener_at(const SocketAddress& address) const;
  [[nodiscard]] bool port_taken(const SocketAddress& address, bool reuse) const;
  int choose_port(SocketAddress& address);
  int choose_source(SimSocket& socket, const SocketAddress& to);
  [[nodiscard]] bool is_blocked(const SocketAddress& from, const SocketAddress& to) const;
  [[nodiscard]] LinkOptions link_between(const SocketAddress& from, const SocketAddress& to) const;
  [[nodiscard]] Nanoseconds delay_between(const SocketAddress& from, const SocketAddress& to);

  // network_unix.cpp: sockets with a path, which connect at once
  int bind_unix(const SocketRef& socket, const SocketAddress& address);
  int connect_unix(const SocketRef& client, const SocketAddress& address);
  void join_ends(const SocketRef& client, const SocketRef& server);
  void leave_unix_name(const SocketRef& socket) noexcept;

  struct Edge {
    bool readable = false;
    bool writable = false;
    bool hung_up = false;
  };

  // network_datagram.cpp
  [[nodiscard]] bool datagram_port_taken(const SimSocket& socket,
                                         const SocketAddress& wanted) const;
  int connect_datagrams(const SocketRef& socket, const SocketAddress& address);
  int find_unix_receiver(const SimSocket& from, const SocketAddress& to, SocketRef& receiver) const;
  std::ptrdiff_t send_to_path(SimSocket& from, std::span<const std::byte> data,
                              const SocketAddress& to);
  static SocketAddress source_of(const SimSocket& socket, const SocketAddress& to);
  void send_over_link(const SocketRef& sender, SimDatagram datagram);
  void schedule_datagram(Nanoseconds when, const SocketRef& sender, SimDatagram datagram);
  void on_datagram(const SocketRef& sender, const SimDatagram& datagram);
  void take_in(const SocketRef& receiver, SimDatagram datagram);
  void leave_way(const SocketRef& sender, std::size_t bytes);
  void on_unreachable(const SocketRef& sender);
  [[nodiscard]] static Edge datagram_edge(const SimSocket& socket) noexcept;

  // network_connect.cpp: how connections come to be
  void on_syn(const SocketRef& client);
  void on_syn_answer(const SocketRef& client);
  void on_established(const SocketRef& server);
  void fail_connect(const SocketRef& client, int error);
  void close_listener(const SocketRef& listener);

  // network_transfer.cpp: what goes over them and how they end
  std::size_t room_for(const SimSocket& socket) const noexcept;
  std::size_t take_from(const SocketRef& from, std::span<const std::span<const std::byte>> pieces,
                        std::size_t count);
  void send_bytes(const SocketRef& from, std::size_t count, std::uint64_t offset);
  std::size_t piece_length(std::uint64_t offset, std::size_t rest);
  void send_segment(const SocketRef& from, Segment::Kind kind, std::size_t bytes);
  void on_arrival(const SocketRef& socket);
  void deliver(const SocketRef& socket, const Segment& segment);
  void send_reset(const SocketRef& from);
  void end_with(const SocketRef& socket, int error);
  void hide_rest(const SocketRef& socket, std::size_t kept);
  void tell_room(const SocketRef& reader);
  void apply_cut(const SocketRef& from, Cut how);
  void forget_if_gone(const SocketRef& socket);
  void mark(const SocketRef& socket);
  [[nodiscard]] Edge edge_of(const SimSocket& socket) const noexcept;

  Random* chance_;
  EventTrace* trace_;
  const Nanoseconds* now_;
  const Nanoseconds* start_;
  std::map<int, SocketRef> sockets_;    // by descriptor
  std::vector<SocketRef> connections_;  // both ends, until both are gone
  std::vector<SocketRef> listeners_;
  std::map<std::string, UnixName, std::less<>> unix_names_;
  std::uint64_t next_inode_ = 1;
  std::vector<SocketRef> edges_;
  std::vector<Event> events_;  // a heap
  std::uint64_t next_order_ = 0;
  std::int64_t next_number_ = 0;
  std::uint16_t next_port_ = 0;
};

}  // namespace asyncio::testing::detail
