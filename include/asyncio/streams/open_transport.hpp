// How a connection becomes a transport. For the library: programs call create_connection() and its
// kin of the loop.
#pragma once

#include <exception>
#include <memory>
#include <utility>

#include "asyncio/coro/coro.hpp"
#include "asyncio/streams/protocol.hpp"
#include "asyncio/streams/writer.hpp"
#include "asyncio/task/suspend.hpp"

namespace asyncio::detail {

/// Gives the connection to `protocol`, which is told so in the next turn.
Transport start_transport(StreamWriter writer, std::shared_ptr<BaseProtocol> protocol);
/// The socket of open_datagrams() to `protocol`, which is told so in the next turn.
DatagramTransport start_datagrams(const Ref<TransportState>& socket,
                                  std::shared_ptr<DatagramProtocol> protocol);
/// Waits until the protocol was told; cancelled, it closes the transport.
Coro<> finish_transport(Ref<TransportState> transport);

/// TLS from now on, and `protocol` instead of the one before. Gives the same transport.
Coro<Transport> start_tls(Transport transport, std::shared_ptr<BaseProtocol> protocol,
                          SecureSetup setup);

/// Waits until connection_made() was called.
class TransportMade final : public Suspend {
 public:
  explicit TransportMade(const Ref<TransportState>& transport) noexcept : transport_(transport) {}
  TransportMade(TransportMade&&) noexcept = default;
  ~TransportMade() { forget(); }

  bool await_ready() noexcept;
  bool await_suspend(Continuation continuation) noexcept;
  void await_resume() {
    if (std::exception_ptr failure = error()) [[unlikely]]
      std::rethrow_exception(failure);
  }
  [[nodiscard]] std::exception_ptr error();

 private:
  friend class TransportState;
  bool abort() override {
    forget();
    return true;
  }
  void forget() noexcept;

  Ref<TransportState> transport_;
};

}  // namespace asyncio::detail
