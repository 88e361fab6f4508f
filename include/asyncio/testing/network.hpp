// The network of a simulated world: who is there, how far away, and what goes wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "asyncio/base/delay.hpp"

namespace asyncio::testing {

namespace detail {
class NetworkModel;
}

/// How bytes go from one host to another.
struct LinkOptions {
  Nanoseconds latency = std::chrono::microseconds(50);
  Nanoseconds jitter{0};               ///< up to so much more, by the seed; order is kept
  std::uint64_t bytes_per_second = 0;  ///< 0: no limit

  // Of datagrams, once in so many, by the seed; 0: never. Jitter alone changes their order, too.
  std::uint64_t lose_one_in = 0;
  std::uint64_t duplicate_one_in = 0;
  std::uint64_t reorder_one_in = 0;  ///< one that later ones overtake
};

/// How a stream of bytes falls into pieces on its way, each of which arrives at an instant of its
/// own: a reader that waits sees short reads.
enum class Segmentation : unsigned char {
  whole,    ///< what one send() took arrives together
  bytes,    ///< every byte alone
  random,   ///< pieces of any length, by the seed
  split_at  ///< in two, at one place of each stream (Network::split_at)
};

/// Which way, seen from who connected.
enum class Flow : unsigned char { to_server, to_client };

/// How a connection is cut.
enum class Cut : unsigned char {
  fin,     ///< it ends in order, too early; whoever goes on sending gets a reset
  reset,   ///< ECONNRESET on both sides
  silence  ///< nothing ever comes again, either way
};

/// TCP and UDP between hosts that exist in memory only. What a program sees through its sockets is
/// what Linux shows: real states, back-pressure, edges, errors. All hosts live in one loop: a
/// socket belongs to the host whose address it is bound to; one that connects without being bound
/// comes from loopback to loopback, and else from 10.0.0.1. Loopback always exists.
class Network {
 public:
  explicit Network(detail::NetworkModel& model) noexcept : model_(&model) {}

  /// A host with one numeric address, which the resolver knows under `name`.
  void add_host(std::string_view name, std::string_view address);
  /// Distance both ways between two addresses; without one, all are at set_default_link's.
  void link(std::string_view address, std::string_view other, LinkOptions options);
  void set_default_link(LinkOptions options);
  /// How many bytes may be on their way or unread in one direction of a connection (default
  /// 128 KB); send() then says EAGAIN. For connections made from now on.
  void set_buffer(std::size_t bytes);
  void set_segmentation(Segmentation how);
  /// Both streams of every connection fall apart behind their first `bytes` bytes.
  void split_at(std::uint64_t bytes);
  /// Once in so many calls recv or send takes only a part, and the rest a microsecond later; 0
  /// never.
  void set_short_calls(std::uint64_t one_in);

  /// What is sent from one address to the other waits until heal(); a connect waits for its
  /// retransmissions.
  void block(std::string_view from, std::string_view to);
  /// block() both ways.
  void partition(std::string_view address, std::string_view other);
  /// Lifts every block; what has waited arrives.
  void heal();
  /// SYNs to this address vanish: connecting ends in ETIMEDOUT after 127 s.
  void drop_connects(std::string_view address, bool dropped = true);
  /// How many local ports there are to connect from; then EADDRNOTAVAIL.
  void set_local_ports(std::size_t count);

  /// What the resolver answers for `name`. Called again for the same name, that is the answer to
  /// the next question; the last one stays. A loop asks again when it has forgotten: after ten
  /// seconds, or at clear_dns_cache(). `error` is an EAI_ code.
  void set_answer(std::string_view name, std::vector<std::string> addresses,
                  Nanoseconds delay = std::chrono::milliseconds(1), int error = 0);

  /// Cuts connection number `connection` (from 0, in the order of connect calls) once `offset`
  /// bytes have gone in `flow`; the others are lost.
  void cut(std::size_t connection, Flow flow, std::uint64_t offset, Cut how);
  /// The close() of this descriptor breaks its connection off, as SO_LINGER with no time does.
  void reset_at_close(int descriptor);
  /// Breaks all connections there are.
  void reset_all();
  /// How many were begun.
  [[nodiscard]] std::size_t connections() const noexcept;
  /// How many bytes the program has sent in one direction of a connection.
  [[nodiscard]] std::uint64_t bytes_sent(std::size_t connection, Flow flow) const noexcept;
  /// Descriptors that are open.
  [[nodiscard]] std::size_t open_descriptors() const noexcept;

 private:
  detail::NetworkModel* model_;
};

}  // namespace asyncio::testing
