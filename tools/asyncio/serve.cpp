#include "tools/asyncio/serve.hpp"

#include <unistd.h>

#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <random>

#include "asyncio/http.hpp"
#include "tools/asyncio/errors.hpp"
#include "tools/asyncio/page.hpp"
#include "tools/asyncio/served_folder.hpp"
#include "tools/asyncio/stop_signals.hpp"
#include "tools/asyncio/terminal.hpp"

namespace asyncio::tool {
namespace {

constexpr auto kHtml = "text/html; charset=utf-8";

/// What all requests share. It outlives the server.
class PageSite {
 public:
  explicit PageSite(const ServeOptions& options)
      : options_(options),
        random_(options.seed),
        page_(std::make_shared<const std::string>(make_page(options.page_bytes))) {
    if (options.directory) folder_.emplace(*options.directory);
  }

  http::Application application() {
    http::Application app;
    app.add_get("/title/{id}/fullcredits", [this](http::Request& request) {
      return credits(request.match_info("id"));
    });
    app.add_post("/jobs", [this](http::Request& request) { return new_job(seconds_of(request)); });
    app.add_get("/jobs/{id}", [this](http::Request& request) {
      return job(request.match_info("id"), seconds_of(request));
    });
    app.add_route("*", "/{path:.*}", [this](http::Request& request) { return page(request.path()); });
    return app;
  }

 private:
  /// Every answer begins with it: the delay that was asked for, and now and then a failure.
  Coro<> stumble() {
    std::chrono::nanoseconds delay = options_.delay;
    if (options_.jitter.count() > 0) {
      std::uniform_int_distribution<std::int64_t> spread(-options_.jitter.count(),
                                                         options_.jitter.count());
      delay += std::chrono::nanoseconds(spread(random_));
    }
    const bool fail = std::uniform_real_distribution<double>(0, 1)(random_) < options_.fail_share;
    if (delay.count() > 0) co_await sleep(delay);
    if (fail) throw http::HTTPException(500, "500: as asked for by --fail");
  }

  Coro<http::Response> page(std::string path) {
    co_await stumble();
    if (folder_) co_return co_await folder_->open(std::move(path));
    co_return http::Response(page_, kHtml);
  }

  Coro<http::Response> credits(std::string id) {
    co_await stumble();
    co_return http::Response(make_fullcredits_page(id, options_.page_bytes), kHtml);
  }

  /// Article 000's "APIs with a polling mechanism": 202 until the job is done, then 200. A job
  /// begins when it is first asked for, or by POST /jobs, which says where to ask.
  Coro<http::Response> job(std::string id, double seconds) {
    co_await stumble();
    forget_old_jobs();
    const Nanoseconds now = get_running_loop().time();
    const auto length = std::chrono::duration_cast<Nanoseconds>(std::chrono::duration<double>(seconds));
    const Nanoseconds due = jobs_.try_emplace(id, now + length).first->second;
    http::Response answer("{\"id\": \"" + json_text(id) + "\", \"done\": " +
                              (now >= due ? "true" : "false") + "}\n",
                          "application/json", now >= due ? 200 : 202);
    if (now < due) answer.header("Retry-After", "1");
    co_return answer;
  }

  Coro<http::Response> new_job(double seconds) {
    const std::string id = std::to_string(++last_job_);
    http::Response answer = co_await job(id, seconds);
    answer.header("Location", "/jobs/" + id);
    co_return answer;
  }

  static double seconds_of(const http::Request& request) {
    const std::optional<std::string> text = request.query("seconds");
    const double seconds = text ? std::atof(text->c_str()) : 1;
    return seconds >= 0 && seconds <= 3600 ? seconds : 1;
  }

  static std::string json_text(const std::string& text) {
    std::string out;
    for (const char c : text) {
      const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                         (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
      out += plain ? c : '_';
    }
    return out;
  }

  void forget_old_jobs() {
    constexpr std::size_t kMost = 10'000;
    if (jobs_.size() > kMost) jobs_.clear();
  }

  const ServeOptions& options_;
  std::mt19937_64 random_;
  std::shared_ptr<const std::string> page_;
  std::optional<ServedFolder> folder_;
  std::map<std::string, Nanoseconds> jobs_;
  std::uint64_t last_job_ = 0;
};

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
  auto server = co_await try_(http::start_server(std::move(app), options.host, options.port, limits));
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
