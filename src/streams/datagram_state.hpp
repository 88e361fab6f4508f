// Drives a protocol from a socket of datagrams.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <list>
#include <memory>
#include <span>
#include <string>

#include "asyncio/base/context_slot.hpp"
#include "asyncio/io/socket.hpp"
#include "asyncio/loop/ready_queue.hpp"
#include "asyncio/streams/open_transport.hpp"
#include "asyncio/streams/protocol.hpp"
#include "asyncio/streams/transport.hpp"

namespace asyncio::detail {

/// Reads in turns of the loop, several datagrams in each, but leaves room for others. Sends at
/// once; what the kernel does not take waits in a queue that is bounded: a datagram may be lost,
/// memory may not.
class DatagramState final : public TransportState,
                            public Socket,
                            private ReadinessListener,
                            private ReadyNode {
 public:
  /// Not open yet: whoever makes it opens, binds and connects the socket, and then starts it.
  explicit DatagramState(Scheduler& scheduler) noexcept;

  /// Where datagrams go by themselves; with `connected` the kernel sees to that.
  void set_destination(const SocketAddress& to, bool connected) noexcept;
  /// connection_made() comes in the next turn.
  void start(std::shared_ptr<DatagramProtocol> protocol);
  void sendto(std::span<const std::byte> data, const SocketAddress& to);
  void set_protocol(std::shared_ptr<DatagramProtocol> protocol);

  // --- TransportState, Socket -----------------------------------------------------------------

  void close() noexcept override;
  void abort() noexcept override;
  [[nodiscard]] bool is_closing() const noexcept override { return closing_; }
  [[nodiscard]] std::shared_ptr<BaseProtocol> protocol() const override { return protocol_; }
  [[nodiscard]] SocketAddress peername() override {
    return connected_ ? destination_ : SocketAddress();
  }
  [[nodiscard]] SocketAddress sockname() override { return local_address(); }
  [[nodiscard]] int fileno() const noexcept override { return Socket::fileno(); }
  [[nodiscard]] Socket* socket() noexcept override { return this; }
  void set_limits(std::size_t high, std::size_t low) override;
  [[nodiscard]] Limits limits() const noexcept override { return {low_, high_}; }
  [[nodiscard]] std::size_t unsent() const noexcept override { return queued_bytes_; }
  [[nodiscard]] std::string repr() const override;
  void on_loop_close() noexcept override;

 private:
  struct Queued {
    std::string bytes;
    SocketAddress to;
  };

  void on_ready() noexcept override { queue_turn(); }
  void queue_turn() noexcept;
  static void run_turn(ReadyNode* node);
  void make();
  void read();
  std::ptrdiff_t read_one();
  void flush();
  void finish();
  void let_go() noexcept;
  std::ptrdiff_t send_now(std::span<const std::byte> data, const SocketAddress& to);
  void enqueue(std::span<const std::byte> data, const SocketAddress& to);
  void pop_front() noexcept;
  void pause_above_high() noexcept;
  void resume_below_low() noexcept;
  void tell_error(int error, const char* operation, const SocketAddress& subject) noexcept;
  void listen(Direction direction) noexcept;

  std::shared_ptr<DatagramProtocol> protocol_;
  std::list<Queued> queue_;
  SocketAddress destination_;
  ContextSlot context_;
  std::size_t queued_bytes_ = 0;  // with kHeader for each
  std::size_t high_;
  std::size_t low_;
  std::uint8_t lost_sends_ = 0;  // after close()
  bool connected_ = false;
  bool turn_queued_ = false;
  bool paused_ = false;
  bool closing_ = false;
  bool lost_ = false;
};

}  // namespace asyncio::detail
