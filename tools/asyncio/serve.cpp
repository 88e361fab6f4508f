#include "tools/asyncio/serve.hpp"

#include <unistd.h>

#include <cstdio>

#include "asyncio/http.hpp"
#include "tools/asyncio/errors.hpp"
#include "tools/asyncio/page_site.hpp"
#include "tools/asyncio/stop_signals.hpp"
#include "tools/asyncio/terminal.hpp"

namespace asyncio::tool {
namespace {

void log_request(const http::AccessEntry& entry) {
  char line[64];
  std::snprintf(line, sizeof line, " %d %llu bytes %.1f ms\n", entry.status,
                static_cast<unsigned long long>(entry.body_bytes),
                static_cast<double>(entry.duration.count()) / 1e6);
  write_stderr(entry.request.remote().host() + " " + entry.request.method() + " " +
               http::printable(entry.request.raw_path(), 200) + line);
}

void tell_port(int fd, std::uint16_t port) {
  const std::string line = std::to_string(port) + "\n";
  const ssize_t written = ::write(fd, line.data(), line.size());
  ::close(fd);
  if (written != static_cast<ssize_t>(line.size())) {
    throw ToolError("cannot tell the parent process which port it is");
  }
}

Coro<http::Server> listen(http::Application app, const ServeOptions& options) {
  http::ServerOptions limits;
  limits.backlog = 4096;
  auto server =
      co_await try_(http::start_server(std::move(app), options.host, options.port, limits));
  if (!server.ok()) {
    throw ToolError("cannot serve: " + base::describe(server.exception()));
  }
  co_return std::move(server).value();
}

Coro<int> serve(const ServeOptions& options) {
  constexpr Delay kGrace = std::chrono::seconds(5);
  PageSite site(options);
  http::Server server = co_await listen(site.application(), options);
  const StopSignals signals(current_task());
  if (!options.quiet) {
    server.set_access_log(&log_request);
    write_stderr("serving " +
                 (options.directory ? "the files of " + *options.directory
                                    : std::to_string(options.page_bytes) + "-byte pages") +
                 " at http://" + server.sockets().front().to_string() + "/ (Ctrl-C ends it)\n");
  }
  if (options.ready_fd >= 0) tell_port(options.ready_fd, server.port());
  const Result<void> ended = co_await try_(server.serve_forever());
  if (base::exception_is<CancelledError>(ended.exception())) current_task().uncancel();
  co_await server.shutdown(kGrace);
  co_return 0;
}

}  // namespace

int run_serve(const ServeOptions& options) {
  try {
    return asyncio::run(serve(options));
  } catch (const KeyboardInterrupt&) {
    throw Interrupted(SIGINT);
  }
}

}  // namespace asyncio::tool
