#include "asyncio/http/server.hpp"

#include <vector>

#include "asyncio/base/error.hpp"
#include "asyncio/coro/pass.hpp"
#include "asyncio/http/message.hpp"
#include "asyncio/task/future.hpp"
#include "asyncio/task/wait.hpp"
#include "http/server_core.hpp"
#include "http/tls_contexts.hpp"

namespace asyncio::http {
namespace detail {

ServerCore::ServerCore(Scheduler& scheduler, std::shared_ptr<const Application> app,
                       const ServerOptions& options)
    : scheduler_(scheduler), app_(std::move(app)), options_(options) {
  if (!is_field_value(options.server_name)) throw ValueError("server_name has a control byte");
  if (!options.server_name.empty()) {
    server_line_.append("Server: ").append(options.server_name).append("\r\n");
  }
  options_.server_name = {};
  options_.ssl = nullptr;
}

ParserLimits ServerCore::limits() const noexcept {
  ParserLimits limits = server_limits();
  limits.head = options_.max_head_bytes;
  return limits;
}

std::string_view ServerCore::usual_lines(const Headers& headers) {
  const std::int64_t second = scheduler_.backend().wall_clock_seconds();
  if (second != date_second_) {
    const std::chrono::system_clock::time_point time{std::chrono::seconds(second)};
    lines_ = "Date: " + format_http_date(time) + "\r\n" + server_line_;
    date_second_ = second;
  }
  const bool has_date = headers.contains("Date");
  const bool has_server = headers.contains("Server");
  if (!has_date && !has_server) return lines_;
  const std::size_t date_size = lines_.size() - server_line_.size();
  rarely_usual_.clear();
  if (!has_date) rarely_usual_.append(lines_, 0, date_size);
  if (!has_server) rarely_usual_ += server_line_;
  return rarely_usual_;
}

void ServerCore::report(const std::exception_ptr& error, const Request& request) {
  scheduler_.call_exception_handler(ExceptionContext(
      "Error handling request " + request.method() + " " + printable(request.raw_path()), error));
}

Coro<> ServerCore::shutdown(Delay grace) {
  stopping_ = true;
  if (listener) listener->close();
  std::vector<AnyTask> busy;
  for (ServerConnection* at = connections_.front(); at != nullptr; at = connections_.next(at)) {
    if (at->idle()) at->task().cancel();
    busy.push_back(at->task());
  }
  if (busy.empty()) co_return;
  auto first = co_await pass(wait(busy, {.timeout = grace}));
  if (first.pending.empty()) co_return;
  for (const AnyTask& task : first.pending) task.cancel();
  co_await pass(wait(std::move(first.pending)));
}

namespace {

Coro<> serve_connection(std::shared_ptr<ServerCore> core, StreamReader reader,
                        StreamWriter writer) {
  ServerConnection connection(*core, std::move(reader), std::move(writer));
  Result<void> result = co_await try_(connection.serve());
  const std::exception_ptr& error = result.exception();
  // A peer that goes, or does not read, is no error of ours; a shutdown is none at all.
  if (!error || base::exception_is<OSError>(error)) co_return;
  if (base::exception_is<CancelledError>(error) && core->stopping()) co_return;
  co_await raise(error);
}

// `server_name` and `tls` are what the options only refer to.
Coro<Server> listen(std::shared_ptr<const Application> app, std::string host, int port,
                    ServerOptions http_options, std::string server_name,
                    std::shared_ptr<const TlsContext> tls) {
  http_options.server_name = server_name;
  http_options.ssl = tls.get();
  // Here, because start_server() may be called before its loop runs.
  auto core = std::make_shared<ServerCore>(asyncio::detail::running_scheduler(), std::move(app),
                                           http_options);
  asyncio::ServerOptions options;
  options.backlog = http_options.backlog;
  options.reuse_port = http_options.reuse_port;
  if (http_options.ssl != nullptr) {
    options.ssl = http_options.ssl;
    options.ssl_handshake_timeout = http_options.ssl_handshake_timeout;
    options.ssl_shutdown_timeout = http_options.ssl_shutdown_timeout;
  }
  const auto on_connection = [weak = std::weak_ptr(core)](StreamReader reader,
                                                          StreamWriter writer) -> Coro<> {
    std::shared_ptr<ServerCore> alive = weak.lock();
    if (!alive || alive->stopping()) co_return;
    co_await pass(serve_connection(std::move(alive), std::move(reader), std::move(writer)));
  };
  core->listener = co_await pass(asyncio::start_server(on_connection, host, port, options));
  // Connections keep the core alive; the last handle to the server closes its listener.
  ServerCore* shared = core.get();
  co_return Server(std::shared_ptr<ServerCore>(
      shared, [kept = std::move(core)](ServerCore* of) { of->listener->close(); }));
}

}  // namespace
}  // namespace detail

Server::Server(std::shared_ptr<detail::ServerCore> core) noexcept : core_(std::move(core)) {}

std::vector<SocketAddress> Server::sockets() const { return core_->listener->sockets(); }

std::uint16_t Server::port() const {
  const std::vector<SocketAddress> all = sockets();
  return all.empty() ? std::uint16_t{0} : all.front().port();
}

void Server::set_access_log(AccessLog log) { core_->access_log = std::move(log); }

Coro<> Server::serve_forever() {
  // serve_forever() of the listener would close the connections when it is cancelled; here they
  // are for shutdown() to close.
  co_await pass(core_->listener->wait_closed());
}

Coro<> Server::shutdown(Delay grace) { return core_->shutdown(grace); }

Coro<Server> start_server(std::shared_ptr<const Application> app, std::string_view host, int port,
                          ServerOptions options) {
  return detail::listen(std::move(app), std::string(host), port, options,
                        std::string(options.server_name), detail::hold_for_server(options.ssl));
}

Coro<Server> start_server(Application app, std::string_view host, int port, ServerOptions options) {
  return start_server(std::make_shared<const Application>(std::move(app)), host, port, options);
}

}  // namespace asyncio::http
