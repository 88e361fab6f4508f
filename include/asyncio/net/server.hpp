// A server: accepts connections and gives each to a callback.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "asyncio/base/function.hpp"
#include "asyncio/coro/coro.hpp"
#include "asyncio/coro/with.hpp"
#include "asyncio/loop/socket_address.hpp"
#include "asyncio/streams/reader.hpp"
#include "asyncio/streams/writer.hpp"
#include "asyncio/task/immediate.hpp"

namespace asyncio {

class EventLoop;
class Server;

/// Options of start_server.
struct ServerOptions {
  int family = 0;                    ///< AF_INET or AF_INET6; 0: both
  int backlog = 100;                 ///< connections that may wait to be accepted
  bool reuse_address = true;         ///< bind although old connections linger (SO_REUSEADDR)
  bool reuse_port = false;           ///< let other processes share the port (SO_REUSEPORT)
  bool keep_alive = false;           ///< probe connections that are silent (SO_KEEPALIVE)
  bool start_serving = true;         ///< false: begin with start_serving() or serve_forever()
  std::size_t limit = kStreamLimit;  ///< of the readers
  /// Speak TLS; copied. An ssl::SSLContext, of asyncio/ssl.hpp. A connection reaches the callback
  /// when its handshake is done; one whose handshake fails is logged and closed.
  const TlsContext* ssl = nullptr;
  std::optional<Delay> ssl_handshake_timeout = {};  ///< 60 s unless given
  std::optional<Delay> ssl_shutdown_timeout = {};   ///< 30 s unless given
};

namespace detail {

class Listener;
class StartServing;
class ServeForever;
class ServerClosed;

/// Called with each connection. Sets the last argument to the coroutine that is to run, if any.
using ConnectionCallback = base::UniqueFunction<void(StreamReader, StreamWriter, Coro<>*)>;

/// Shared by the handles, the awaits, and the handlers that run: a handler's coroutine may refer to
/// what its callback has captured.
class ServerState final : private ConnectionOwner {
 public:
  ServerState(Scheduler& scheduler, ConnectionCallback callback, const ServerOptions& options,
              SecureSetup secure = {});
  ServerState(const ServerState&) = delete;
  ServerState& operator=(const ServerState&) = delete;

  void add_reference() noexcept { ++references_; }
  void drop_reference() noexcept {
    if (--references_ == 0) delete this;
  }
  void add_handle() noexcept { ++handles_; }
  void drop_handle() noexcept {
    if (--handles_ == 0) close();
  }

  /// Binds one more listening socket. Returns 0 or -errno, and then `operation` says of what.
  int add_listener(const SocketAddress& address, const char*& operation);
  /// Takes over a socket that is bound already.
  void adopt_listener(int fd);
  /// Of the last one added: its file goes with it, as long as it is still the one that it has made.
  void unlink_at_close();
  void start_serving();
  [[nodiscard]] Scheduler& scheduler() const noexcept { return *scheduler_; }
  [[nodiscard]] bool is_serving() const noexcept { return serving_ && !closed_; }
  [[nodiscard]] bool is_closed() const noexcept { return closed_; }
  /// Closed, and the last connection has gone.
  [[nodiscard]] bool is_finished() const noexcept { return closed_ && connections_.empty(); }
  void close() noexcept;
  void close_clients() noexcept;
  void abort_clients() noexcept;
  [[nodiscard]] std::vector<SocketAddress> addresses() const;

  void on_accepted(int fd, const SocketAddress& peer) noexcept;

 private:
  friend class ServeForever;
  friend class ServerClosed;

  ~ServerState();
  void on_connection_lost(Connection& connection) noexcept override;
  void on_secured(Connection& connection, const std::exception_ptr& error) noexcept override;
  void begin(Connection& connection);
  void report_handshake(Connection& connection, const std::exception_ptr& error);
  void tell_finished() noexcept;

  Scheduler* scheduler_;
  ConnectionCallback callback_;
  ContextSlot context_;  // of whoever made the server; each connection's handler runs in a copy
  ServerOptions options_;
  SecureSetup secure_;
  Nanoseconds next_report_{0};  // of a handshake that failed, at most one a second
  std::size_t unreported_handshakes_ = 0;
  std::vector<std::unique_ptr<Listener>> listeners_;
  base::List<Connection::Link> connections_;
  base::List<ServerClosed> waiters_;
  ServeForever* forever_ = nullptr;
  std::size_t references_ = 0;
  std::size_t handles_ = 0;
  bool serving_ = false;
  bool closed_ = false;
};

/// Await of Server::serve_forever.
class ServeForever final : public Suspend, public AsCoro<ServeForever, void> {
 public:
  explicit ServeForever(Ref<ServerState> server) noexcept : server_(std::move(server)) {}
  ServeForever(ServeForever&&) noexcept = default;
  ~ServeForever() { forget(); }

  bool await_ready();
  bool await_suspend(Continuation continuation);
  void await_resume();
  [[nodiscard]] std::exception_ptr error();

 private:
  friend class ServerState;
  bool abort() override;
  void server_closes() noexcept;
  void server_finished() noexcept;
  void forget() noexcept;

  Ref<ServerState> server_;
  std::exception_ptr failure_;
  bool ending_ = false;
};

/// Await of Server::wait_closed.
class ServerClosed final : public Suspend,
                           public AsCoro<ServerClosed, void>,
                           public base::ListNode {
 public:
  explicit ServerClosed(Ref<ServerState> server) noexcept : server_(std::move(server)) {}
  ServerClosed(ServerClosed&& other) noexcept
      : Suspend(std::move(other)), server_(std::move(other.server_)) {}

  [[nodiscard]] bool await_ready() const noexcept { return server_->is_finished(); }
  bool await_suspend(Continuation continuation);
  void await_resume();
  [[nodiscard]] std::exception_ptr error() const { return cancellation(); }

 private:
  friend class ServerState;
  bool abort() override {
    unlink();
    return true;
  }
  Ref<ServerState> server_;
};

/// Await of Server::start_serving, which has begun by then: one turn, in which others run.
class StartServing final : public Suspend, public AsCoro<StartServing, void> {
 public:
  static constexpr bool await_ready() noexcept { return false; }
  bool await_suspend(Continuation continuation) noexcept { return park_woken(continuation); }
  void await_resume() const {
    if (cancelled()) [[unlikely]]
      std::rethrow_exception(cancellation());
  }
  [[nodiscard]] std::exception_ptr error() const { return cancellation(); }

 private:
  bool abort() override { return true; }
};

/// Of ServerOptions and their like.
template <class Options>
SecureSetup secure_setup_of(const Options& options) {
  return SecureSetup(options.ssl, {.ssl_handshake_timeout = options.ssl_handshake_timeout,
                                   .ssl_shutdown_timeout = options.ssl_shutdown_timeout});
}

Coro<Server> listen_tcp(ConnectionCallback callback, std::vector<std::string> hosts, int port,
                        ServerOptions options, SecureSetup secure = {});
/// On the sockets that `state` has.
Coro<Server> begin_to_serve(Ref<ServerState> state, bool start_serving);

template <class F>
ConnectionCallback make_connection_callback(F&& callback) {
  using Result = std::invoke_result_t<std::decay_t<F>&, StreamReader, StreamWriter>;
  static_assert(std::is_same_v<Result, Coro<>> || std::is_void_v<Result>,
                "a connection is handled by a function (StreamReader, StreamWriter) that returns "
                "Coro<> or nothing");
  return [call = std::forward<F>(callback)](StreamReader reader, StreamWriter writer,
                                            [[maybe_unused]] Coro<>* job) mutable {
    if constexpr (std::is_void_v<Result>) {
      call(std::move(reader), std::move(writer));
    } else {
      *job = call(std::move(reader), std::move(writer));
    }
  };
}

}  // namespace detail

/// Listening sockets and what became of their connections. A copy is a handle to the same one; when
/// the last handle goes it closes, as by close(). Loop thread only. Python: asyncio.Server.
class [[nodiscard("a server that nobody holds is closed at once")]] Server {
 public:
  explicit Server(detail::Ref<detail::ServerState> state) noexcept : state_(std::move(state)) {
    state_->add_handle();
  }
  Server(const Server& other) noexcept : state_(other.state_) {
    if (state_) state_->add_handle();
  }
  Server(Server&& other) noexcept = default;
  Server& operator=(Server other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~Server() {
    if (state_) state_->drop_handle();
  }

  /// Begins to accept, at once; no effect when it does already. Awaiting what it gives lets others
  /// run, as in Python, and is not needed. Errors: OSError. Python: Server.start_serving.
  // NOLINTNEXTLINE(modernize-use-nodiscard)
  detail::StartServing start_serving() {
    state_->start_serving();
    return {};
  }
  /// Accepts until the task is cancelled or the server closed, either of which ends in
  /// CancelledError, after the connections were closed. RuntimeError when it is closed already or
  /// another task is at it. Python: Server.serve_forever.
  [[nodiscard]] detail::ServeForever serve_forever() { return detail::ServeForever(state_); }
  /// Whether it accepts connections. Python: Server.is_serving.
  [[nodiscard]] bool is_serving() const noexcept { return state_->is_serving(); }
  /// Stops accepting; connections stay. Python: Server.close.
  void close() noexcept { state_->close(); }
  /// Closes the connections, each once what it has buffered is sent. Python: Server.close_clients.
  void close_clients() noexcept { state_->close_clients(); }
  /// Closes the connections at once. Python: Server.abort_clients.
  void abort_clients() noexcept { state_->abort_clients(); }
  /// Waits until close() was called and the last connection has gone. A cancelled wait just leaves.
  /// Python: Server.wait_closed.
  [[nodiscard]] detail::ServerClosed wait_closed() const { return detail::ServerClosed(state_); }
  /// Where it listens, with the real port where 0 was asked for; empty once closed.
  /// Python: [s.getsockname() for s in Server.sockets].
  [[nodiscard]] std::vector<SocketAddress> sockets() const { return state_->addresses(); }

  /// "<Server sockets=(127.0.0.1:80, [::1]:80)>". Python: repr(server).
  [[nodiscard]] std::string repr() const;

  /// RuntimeError when the loop has been closed. Python: Server.get_loop.
  [[nodiscard]] EventLoop& get_loop() const;

  /// For with(server, ...): afterwards it is closed, and the connections have gone. Python: async
  /// with server.
  [[nodiscard]] static detail::Immediate aenter() noexcept { return detail::Immediate(); }
  [[nodiscard]] detail::ServerClosed aexit(const std::exception_ptr& /*error*/) {
    close();
    return wait_closed();
  }

  // For the library.
  [[nodiscard]] detail::ServerState& state() const noexcept { return *state_; }

 private:
  detail::Ref<detail::ServerState> state_;
};

/// Listens on `host` and `port` (0: any free one) and calls `callback(reader, writer)` with each
/// connection. An empty host means all interfaces. A coroutine function runs as a task of its own
/// for each connection; what it fails with goes to the loop's exception handler, and the connection
/// is closed; the callback lives as long as one of its tasks. Out of descriptors, it pauses for a
/// second. Errors: OSError's kin with the address, "bind 127.0.0.1:80: permission denied";
/// GaiError. When it fails or is cancelled, nothing listens. Loop thread only.
/// Python: asyncio.start_server.
template <class F>
[[nodiscard]] Coro<Server> start_server(F&& callback, std::string_view host, int port,
                                        ServerOptions options = {}) {
  static_assert(detail::kSafeInPlace<F>,
                "g++ before 12.3 destroys a temporary lambda with owning captures twice here: give "
                "it a name, and pass that");
  return detail::listen_tcp(detail::make_connection_callback(std::forward<F>(callback)),
                            std::vector<std::string>(1, std::string(host)), port, options,
                            detail::secure_setup_of(options));
}

/// The same on several hosts; with port 0 each has a port of its own. Python: start_server with a
/// list of hosts.
template <class F>
[[nodiscard]] Coro<Server> start_server(F&& callback, std::vector<std::string> hosts, int port,
                                        ServerOptions options = {}) {
  static_assert(detail::kSafeInPlace<F>,
                "g++ before 12.3 destroys a temporary lambda with owning captures twice here: give "
                "it a name, and pass that");
  return detail::listen_tcp(detail::make_connection_callback(std::forward<F>(callback)),
                            std::move(hosts), port, options, detail::secure_setup_of(options));
}

}  // namespace asyncio
