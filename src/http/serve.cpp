#include "asyncio/http/serve.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <string>
#include <thread>
#include <utility>

#include "asyncio/base/error.hpp"
#include "asyncio/base/log.hpp"
#include "asyncio/coro/pass.hpp"
#include "asyncio/loop/remote_loop.hpp"
#include "asyncio/net/server.hpp"
#include "asyncio/process/signals.hpp"
#include "asyncio/task/task.hpp"
#include "asyncio/threads/run_workers.hpp"
#include "http/tls_contexts.hpp"

namespace asyncio::http {
namespace {

using AppSource = std::function<std::shared_ptr<const Application>(std::size_t)>;

// What serve() was called with. The workers read it from their threads.
struct Plan {
  AppSource app;
  std::string host;
  int port;
  ServeOptions options;
  std::string server_name;
  std::shared_ptr<const TlsContext> tls;
  AccessLog access_log;
  ListeningCallback on_listening;
  std::shared_ptr<asyncio::detail::RemoteLoop> home;
  std::size_t workers = 1;
  std::atomic<std::size_t> listening{0};
};
using PlanRef = std::shared_ptr<Plan>;

// While it lives, SIGINT and SIGTERM cancel the task.
class StopSignals {
 public:
  explicit StopSignals(Task<> task)
      : task_(std::move(task)), scheduler_(asyncio::detail::running_scheduler()) {
    for (const int number : {SIGINT, SIGTERM}) {
      try {
        asyncio::detail::add_signal_handler(scheduler_, number, [this] {
          came_ = true;
          task_.cancel();
        });
        caught_.push_back(number);
      } catch (const RuntimeError&) {
        return;  // not the main thread: signals are somebody else's
      }
    }
  }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals() {
    for (const int number : caught_) asyncio::detail::remove_signal_handler(scheduler_, number);
  }

  [[nodiscard]] bool came() const noexcept { return came_; }

 private:
  Task<> task_;
  Scheduler& scheduler_;
  std::vector<int> caught_;
  bool came_ = false;
};

void tell_listening(const PlanRef& plan, const Server& server) {
  if (plan->listening.fetch_add(1) + 1 < plan->workers || !plan->on_listening) return;
  base::UniqueFunction<void()> tell = [plan, sockets = server.sockets()] {
    plan->on_listening(sockets);
  };
  plan->home->call_soon(tell);
}

Coro<> serve_here(PlanRef plan, std::size_t worker) {
  ServerOptions options = plan->options.server;
  options.server_name = plan->server_name;
  options.ssl = plan->tls.get();
  options.reuse_port = options.reuse_port || plan->workers > 1;
  Server server = co_await pass(start_server(plan->app(worker), plan->host, plan->port, options));
  server.set_access_log(plan->access_log);
  tell_listening(plan, server);
  const Result<void> ended = co_await try_(server.serve_forever());
  const Result<void> in_time = co_await try_(server.shutdown(plan->options.shutdown_timeout));
  // Asked a second time: no more waiting for the requests.
  if (!in_time.ok()) co_await pass(server.shutdown(Delay()));
  if (!ended.ok()) co_await raise(ended.exception());
}

void nobody_connects(StreamReader, StreamWriter) {}

// A socket that is bound and does not listen gets no connections: it keeps the port, which the
// workers then share.
Coro<> serve_in_workers(PlanRef plan) {
  asyncio::ServerOptions options;
  options.reuse_port = true;
  options.start_serving = false;
  const asyncio::Server reserved =
      co_await pass(asyncio::start_server(&nobody_connects, plan->host, plan->port, options));
  plan->port = reserved.sockets().front().port();
  const auto main = [plan](std::size_t worker) { return serve_here(plan, worker); };
  co_await pass(run_workers(plan->workers, main));
}

Coro<> serve_plan(PlanRef plan) {
  plan->home = asyncio::detail::running_scheduler().remote();
  plan->workers = plan->options.workers;
  if (plan->workers == 0) plan->workers = std::max(1U, std::thread::hardware_concurrency());
  Task<> work = create_task(plan->workers == 1 ? serve_here(plan, 0) : serve_in_workers(plan));
  std::optional<StopSignals> signals;
  if (plan->options.handle_signals) signals.emplace(work);
  const Result<void> ended = co_await try_(work);
  if (ended.ok()) co_return;
  const bool by_signal = signals && signals->came() && current_task().cancelling() == 0;
  if (by_signal && base::exception_is<CancelledError>(ended.exception())) co_return;
  co_await raise(ended.exception());
}

Coro<> serve_with(AppSource app, std::string_view host, int port, const ServeOptions& options,
                  ListeningCallback on_listening = {}) {
  auto plan = std::make_shared<Plan>();
  plan->app = std::move(app);
  plan->host = host;
  plan->port = port;
  plan->options = options;
  plan->server_name = options.server.server_name;
  plan->tls = detail::hold(options.server.ssl);
  if (options.access_log != nullptr) plan->access_log = *options.access_log;
  plan->on_listening = std::move(on_listening);
  return serve_plan(std::move(plan));
}

AppSource source_of(ApplicationFactory factory) {
  return [factory = std::move(factory)](std::size_t worker) {
    return std::make_shared<const Application>(factory(worker));
  };
}

}  // namespace

Coro<> serve(std::shared_ptr<const Application> app, std::string_view host, int port,
             ServeOptions options) {
  return serve_with([app = std::move(app)](std::size_t) { return app; }, host, port, options);
}

Coro<> serve(Application app, std::string_view host, int port, ServeOptions options) {
  return serve(std::make_shared<const Application>(std::move(app)), host, port, options);
}

Coro<> serve(ApplicationFactory factory, std::string_view host, int port, ServeOptions options) {
  return serve_with(source_of(std::move(factory)), host, port, options);
}

Coro<> serve(ApplicationFactory factory, std::string_view host, int port, ServeOptions options,
             ListeningCallback on_listening) {
  return serve_with(source_of(std::move(factory)), host, port, options, std::move(on_listening));
}

}  // namespace asyncio::http
