// serve(): an application at an address until Ctrl-C, on one core or several.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "asyncio/base/delay.hpp"
#include "asyncio/coro/coro.hpp"
#include "asyncio/http/application.hpp"
#include "asyncio/http/server.hpp"
#include "asyncio/loop/socket_address.hpp"

namespace asyncio::http {

struct ServeOptions {
  /// How many loops, each in a thread of its own, share the port (SO_REUSEPORT); 1: the loop that
  /// runs; 0: one per core.
  std::size_t workers = 1;
  /// For requests under way when it ends; then their handlers are cancelled.
  Delay shutdown_timeout = Delay(std::chrono::seconds(60));
  /// SIGINT and SIGTERM end it in order, and serve() returns; the second one does not wait for the
  /// requests. They are the program's again when it has returned. No effect outside of the main
  /// thread.
  bool handle_signals = true;
  ServerOptions server = {};  ///< of each worker
  /// Called after each answer, in the worker's thread; null for none. Copied.
  const AccessLog* access_log = nullptr;
};

/// Makes the application of a worker, in its thread.
using ApplicationFactory = std::function<Application(std::size_t worker)>;
/// Told once where it listens, when every worker does. On the awaiting loop's thread.
using ListeningCallback = std::function<void(const std::vector<SocketAddress>&)>;

/// Listens on `host` and `port` (0: any free one) and serves `app` until a signal ends it or the
/// task is cancelled: then it stops accepting, lets requests under way finish within
/// shutdown_timeout, and ends - by a signal normally, else with CancelledError. With several
/// workers the handlers run in several threads at once; give a factory when they keep state.
/// Errors: as start_server; when one worker fails the others end first.
/// Python: aiohttp.web.run_app; gunicorn's --workers.
///
///   asyncio::run(asyncio::http::serve(make_app(), "0.0.0.0", 8080, {.workers = 4}));
[[nodiscard]] Coro<> serve(std::shared_ptr<const Application> app, std::string_view host, int port,
                           ServeOptions options = {});
[[nodiscard]] Coro<> serve(Application app, std::string_view host, int port,
                           ServeOptions options = {});
[[nodiscard]] Coro<> serve(ApplicationFactory factory, std::string_view host, int port,
                           ServeOptions options = {});
[[nodiscard]] Coro<> serve(ApplicationFactory factory, std::string_view host, int port,
                           ServeOptions options, ListeningCallback on_listening);

}  // namespace asyncio::http
