// Drives a protocol from a connection: pulls what comes and tells it.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <string>

#include "asyncio/base/context_slot.hpp"
#include "asyncio/loop/ready_queue.hpp"
#include "asyncio/streams/open_transport.hpp"
#include "asyncio/streams/protocol.hpp"
#include "asyncio/streams/transport.hpp"
#include "asyncio/streams/writer.hpp"

namespace asyncio::detail {

/// Buffering, flow control, closing and loss are the connection's; here is only who is told of it,
/// and when. Data is read in turns of the loop, as a task's would be.
class StreamTransport final : public TransportState,
                              private ConnectionObserver,
                              private ReadinessListener,
                              private ReadyNode {
 public:
  /// connection_made() comes in the next turn.
  StreamTransport(StreamWriter writer, std::shared_ptr<BaseProtocol> protocol);
  ~StreamTransport() override;

  [[nodiscard]] Connection& connection() const noexcept { return *writer_.connection(); }
  [[nodiscard]] StreamWriter& writer() noexcept { return writer_; }
  [[nodiscard]] bool is_reading() const noexcept { return !paused_ && !is_closing(); }
  void pause_reading() noexcept;
  void resume_reading() noexcept;
  void set_protocol(std::shared_ptr<BaseProtocol> protocol);

  // --- TransportState -------------------------------------------------------------------------

  void close() noexcept override { connection().close_gently(); }
  void abort() noexcept override { connection().abort(); }
  [[nodiscard]] bool is_closing() const noexcept override { return connection().is_closing(); }
  [[nodiscard]] std::shared_ptr<BaseProtocol> protocol() const override { return protocol_; }
  [[nodiscard]] SocketAddress peername() override { return connection().peer(); }
  [[nodiscard]] SocketAddress sockname() override { return connection().local_address(); }
  [[nodiscard]] int fileno() const noexcept override { return connection().fileno(); }
  [[nodiscard]] const SSLObject* ssl_object() const noexcept override {
    return connection().ssl_object();
  }
  [[nodiscard]] Socket* socket() noexcept override { return &connection(); }
  void set_limits(std::size_t high, std::size_t low) override {
    connection().set_limits(high, low);
  }
  [[nodiscard]] Limits limits() const noexcept override {
    return {connection().low_water(), connection().high_water()};
  }
  [[nodiscard]] std::size_t unsent() const noexcept override { return connection().unsent(); }
  [[nodiscard]] std::string repr() const override;

 private:
  using Fill = ReadSide::Fill;

  [[nodiscard]] Scheduler& scheduler() const noexcept { return connection().scheduler(); }
  void queue() noexcept;
  static void run_turn(ReadyNode* node);
  void make();
  void read() noexcept;
  Fill read_once();
  Fill read_into_protocol(BufferedProtocol& protocol);
  void listen() noexcept;
  void read_end() noexcept;
  /// In a catch block: aborts the connection with what was caught.
  void fail(const char* message) noexcept;
  void report(const char* message, const std::exception_ptr& error) noexcept;
  void let_go() noexcept;

  void on_ready() noexcept override;
  void on_paused() noexcept override;
  void on_resumed() noexcept override;
  void on_broken() noexcept override { connection().abort(); }
  void on_lost() noexcept override;
  void on_abandoned() noexcept override;

  StreamWriter writer_;
  std::shared_ptr<BaseProtocol> protocol_;
  Protocol* plain_ = nullptr;  // one of these two is the protocol
  BufferedProtocol* buffered_ = nullptr;
  std::exception_ptr failure_;  // what a callback has failed with
  ContextSlot context_;
  bool queued_ = false;
  bool paused_ = false;
  bool listening_ = false;
  bool ended_ = false;  // the peer has
};

}  // namespace asyncio::detail
