#include "asyncio/net/server.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "asyncio/base/error.hpp"
#include "asyncio/base/log.hpp"
#include "asyncio/coro/pass.hpp"
#include "asyncio/net/resolver.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/task.hpp"
#include "net/listener.hpp"

namespace asyncio::detail {

// What happens when a handler's coroutine has ended. Smaller than a done-callback, because there is
// one for every connection; it also keeps the callback that the coroutine was made by.
class HandlerEnd final : public DoneNode, public ReadyNode, public base::Pooled {
 public:
  HandlerEnd(FutureBase& task, Connection& client, ServerState& server) noexcept
      : DoneNode(kKind), task_(&task), client_(&client), server_(&server) {
    run = &run_end;
  }

 private:
  static void notified(DoneNode* node, bool abandoned) {
    auto* self = static_cast<HandlerEnd*>(node);
    if (abandoned) {
      delete self;
      return;
    }
    self->task_->add_reference();
    self->task_->scheduler().push(self);
  }

  static void run_end(ReadyNode* node) {
    const std::unique_ptr<HandlerEnd> self(static_cast<HandlerEnd*>(node));
    const auto task = Ref<FutureBase>::adopt(self->task_);
    Scheduler& scheduler = task->scheduler();
    if (scheduler.is_closed()) return;
    task->mark_retrieved();
    const std::exception_ptr& error = task->error();
    if (!error) return;
    if (!task->cancelled()) {
      scheduler.call_exception_handler(
          ExceptionContext("Unhandled exception in client_connected_cb", error));
    }
    self->client_->close_gently();
  }

  static constexpr DoneKind kKind{&HandlerEnd::notified};

  FutureBase* task_;  // kept alive from the notification until the call
  Ref<Connection> client_;
  Ref<ServerState> server_;
};

// --- ServerState --------------------------------------------------------------------------------

ServerState::ServerState(Scheduler& scheduler, ConnectionCallback callback,
                         const ServerOptions& options, SecureSetup secure)
    : scheduler_(&scheduler),
      callback_(std::move(callback)),
      context_(context_or_copy(nullptr)),
      options_(options),
      secure_(std::move(secure)) {}

ServerState::~ServerState() {
  while (Connection::Link* link = connections_.front()) link->connection->forget_owner();
}

int ServerState::add_listener(const SocketAddress& address, const char*& operation) {
  auto listener = std::make_unique<Listener>(*this, *scheduler_, options_.backlog);
  Socket& socket = listener->socket();
  operation = "socket";
  if (const int opened = socket.open(address.family(), SOCK_STREAM); opened < 0) return opened;
  const bool has_port = address.family() != AF_UNIX;
  if (options_.reuse_address && has_port) socket.set_option(SOL_SOCKET, SO_REUSEADDR, 1);
  operation = "SO_REUSEPORT";
  if (options_.reuse_port) {
    if (const int set = socket.set_option(SOL_SOCKET, SO_REUSEPORT, 1); set < 0) return set;
  }
  if (options_.keep_alive) socket.set_option(SOL_SOCKET, SO_KEEPALIVE, 1);
  // Else [::] would take the port that 0.0.0.0 needs.
  if (address.family() == AF_INET6) socket.set_option(IPPROTO_IPV6, IPV6_V6ONLY, 1);
  operation = "bind";
  if (const int bound = socket.bind(address); bound < 0) return bound;
  listeners_.push_back(std::move(listener));
  return 0;
}

void ServerState::adopt_listener(int fd) {
  listeners_.push_back(std::make_unique<Listener>(*this, *scheduler_, options_.backlog));
  listeners_.back()->socket().adopt(fd);
}

void ServerState::unlink_at_close() { listeners_.back()->unlink_at_close(); }

void ServerState::start_serving() {
  if (closed_) throw RuntimeError("server is closed");
  if (serving_) return;
  for (const auto& listener : listeners_) {
    const int started = listener->start();
    if (started < 0) {
      throw_os_error(-started, "listen", listener->socket().local_address().to_string());
    }
  }
  serving_ = true;
}

void ServerState::close() noexcept {
  if (std::exchange(closed_, true)) return;
  add_reference();
  for (const auto& listener : listeners_) listener->close();
  if (forever_ != nullptr) forever_->server_closes();
  if (connections_.empty()) tell_finished();
  drop_reference();
}

// A connection leaves the list only in a later turn, so the list stands still here.
void ServerState::close_clients() noexcept {
  for (auto* link = connections_.front(); link != nullptr; link = connections_.next(link)) {
    link->connection->close_gently();
  }
}

void ServerState::abort_clients() noexcept {
  for (auto* link = connections_.front(); link != nullptr; link = connections_.next(link)) {
    link->connection->abort();
  }
}

std::vector<SocketAddress> ServerState::addresses() const {
  std::vector<SocketAddress> out;
  for (const auto& listener : listeners_) {
    if (listener->socket().is_open()) out.push_back(listener->socket().local_address());
  }
  return out;
}

void ServerState::on_connection_lost(Connection&) noexcept {
  if (is_finished()) tell_finished();
}

void ServerState::tell_finished() noexcept {
  if (forever_ != nullptr) forever_->server_finished();
  while (ServerClosed* waiter = waiters_.pop_front()) waiter->wake();
}

void ServerState::on_accepted(int fd, const SocketAddress& peer) noexcept {
  Ref<Connection> connection;
  try {
    connection = Ref<Connection>(new Connection(*scheduler_, fd, options_.limit));
  } catch (const std::bad_alloc&) {
    log(LogLevel::error, "out of memory for a new connection");
    scheduler_->backend().close(fd);
    return;
  }
  try {
    if (peer.family() != AF_UNIX) connection->set_option(IPPROTO_TCP, TCP_NODELAY, 1);
    connection->set_peer(peer);
    connection->set_owner(*this, connections_);
    if (secure_.wanted()) {
      connection->begin_tls(secure_, /*server_side=*/true, /*for_owner=*/true);
    } else {
      begin(*connection);
    }
  } catch (...) {
    scheduler_->report_caught("Unhandled exception in client_connected_cb");
    connection->close_gently();
  }
}

void ServerState::on_secured(Connection& connection, const std::exception_ptr& error) noexcept {
  try {
    if (error) return report_handshake(connection, error);
    begin(connection);
  } catch (...) {
    scheduler_->report_caught("Unhandled exception in client_connected_cb");
    connection.close_gently();
  }
}

// Whoever can reach the port can fail a handshake, as often as he likes: that must not fill a disk.
void ServerState::report_handshake(Connection& connection, const std::exception_ptr& error) {
  if (scheduler_->time() < next_report_) {
    ++unreported_handshakes_;
    return;
  }
  next_report_ = scheduler_->time() + std::chrono::seconds(1);
  std::string text = "client " + connection.peer().to_string() + ": " + base::describe(error);
  if (const std::size_t more = std::exchange(unreported_handshakes_, 0); more > 0) {
    text += " (and " + std::to_string(more) + " other failed handshakes since the last report)";
  }
  log(LogLevel::warning, text);
}

// In a context of its own: what one handler sets, the next does not see.
void ServerState::begin(Connection& connection) {
  ContextSlot context = ContextSlot::copy_of(context_);
  const ContextScope scope(context);
  Coro<> job;
  callback_(StreamReader(Ref<ReadSide>(&connection)), StreamWriter(Ref<Connection>(&connection)),
            &job);
  if (job.frame() == nullptr) return;
  const Task<> task = spawn(*scheduler_, std::move(job));
  task.block()->add_waiter(*new HandlerEnd(*task.block(), connection, *this));
}

// --- serve_forever ------------------------------------------------------------------------------

bool ServeForever::await_ready() {
  try {
    if (server_->forever_ != nullptr) {
      throw RuntimeError("server is already being awaited on serve_forever()");
    }
    if (server_->is_closed()) throw RuntimeError("server is closed");
    server_->start_serving();
  } catch (...) {
    failure_ = std::current_exception();
    return true;
  }
  return false;
}

bool ServeForever::await_suspend(Continuation continuation) {
  server_->forever_ = this;
  return park(continuation);
}

// The first time: close everything and wait until it is done. A second cancellation does not wait.
bool ServeForever::abort() {
  if (!std::exchange(ending_, true)) {
    server_->close();
    server_->close_clients();
    if (!server_->is_finished()) return false;
  }
  forget();
  return true;
}

void ServeForever::server_closes() noexcept {
  if (std::exchange(ending_, true)) return;
  server_->close_clients();
}

void ServeForever::server_finished() noexcept {
  if (!parked()) return;
  forget();
  cancel_at_next_turn();
  wake();
}

void ServeForever::forget() noexcept {
  if (server_ && server_->forever_ == this) server_->forever_ = nullptr;
}

std::exception_ptr ServeForever::error() {
  forget();
  return cancelled() ? cancellation() : failure_;
}

void ServeForever::await_resume() {
  if (std::exception_ptr failure = error()) std::rethrow_exception(failure);
}

// --- wait_closed --------------------------------------------------------------------------------

bool ServerClosed::await_suspend(Continuation continuation) {
  server_->waiters_.push_back(this);
  return park(continuation);
}

void ServerClosed::await_resume() {
  if (cancelled()) std::rethrow_exception(cancellation());
}

// --- start_server -------------------------------------------------------------------------------

// Without the doubles that several hosts can give.
void append_new(std::vector<SocketAddress>& all, const std::vector<SocketAddress>& more) {
  for (const SocketAddress& address : more) {
    if (std::find(all.begin(), all.end(), address) == all.end()) all.push_back(address);
  }
}

Coro<Server> listen_tcp(ConnectionCallback callback, std::vector<std::string> hosts, int port,
                        ServerOptions options, SecureSetup secure) {
  std::exception_ptr mistake = secure.find_mistake();
  if (mistake) co_await raise(mistake);
  ResolveOptions how;
  how.family = options.family;
  how.passive = true;
  std::vector<SocketAddress> addresses;
  for (const std::string& host : hosts) {
    const std::vector<SocketAddress> found = co_await pass(getaddrinfo(host, port, how));
    append_new(addresses, found);
  }
  if (addresses.empty()) co_await raise<ValueError>("there is no host to listen on");
  const Ref<ServerState> state(
      new ServerState(running_scheduler(), std::move(callback), options, std::move(secure)));
  std::exception_ptr unavailable;
  for (const SocketAddress& address : addresses) {
    const char* operation = "";
    const int added = state->add_listener(address, operation);
    if (added == 0) continue;
    std::exception_ptr error = make_os_error(-added, operation, address.to_string());
    // A host without IPv6 (or IPv4) still has addresses of it in its tables.
    const bool other_may_do = added == -EADDRNOTAVAIL || added == -EAFNOSUPPORT;
    if (!other_may_do) co_await raise(error);
    unavailable = error;
  }
  if (state->addresses().empty()) co_await raise(unavailable);
  co_return co_await pass(begin_to_serve(state, options.start_serving));
}

Coro<Server> begin_to_serve(Ref<ServerState> state, bool start_serving) {
  Server server(std::move(state));
  if (start_serving) co_await pass(server.start_serving());
  co_return server;
}

}  // namespace asyncio::detail

namespace asyncio {

std::string Server::repr() const {
  std::string text = "<Server sockets=(";
  const char* between = "";
  for (const SocketAddress& address : sockets()) {
    text += between + address.to_string();
    between = ", ";
  }
  return text + ")>";
}

}  // namespace asyncio
