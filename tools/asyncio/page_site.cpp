#include "tools/asyncio/page_site.hpp"

#include <cstdlib>

#include "tools/asyncio/page.hpp"

namespace asyncio::tool {
namespace {

constexpr auto kHtml = "text/html; charset=utf-8";

double seconds_of(const http::Request& request) {
  const std::optional<std::string> text = request.query("seconds");
  const double seconds = text ? std::atof(text->c_str()) : 1;
  return seconds >= 0 && seconds <= 3600 ? seconds : 1;
}

// An id comes from a URL and goes into a text in quotes.
std::string plain(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool harmless = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                          (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
    out += harmless ? c : '_';
  }
  return out;
}

}  // namespace

PageSite::PageSite(const ServeOptions& options)
    : options_(options),
      page_(std::make_shared<const std::string>(make_page(options.page_bytes))),
      random_(options.seed) {
  if (options.directory) folder_.emplace(*options.directory);
}

http::Application PageSite::application() {
  http::Application app;
  app.add_get("/title/{id}/fullcredits",
              [this](http::Request& request) { return credits(request.match_info("id")); });
  app.add_post("/jobs", [this](http::Request& request) { return new_job(seconds_of(request)); });
  app.add_get("/jobs/{id}", [this](http::Request& request) {
    return job(request.match_info("id"), seconds_of(request));
  });
  app.add_get("/{path:.*}", [this](http::Request& request) { return page(request.path()); });
  return app;
}

// Every answer begins with it: the delay that was asked for, and now and then a failure.
Coro<> PageSite::stumble() {
  std::chrono::nanoseconds delay = options_.delay;
  bool fail = false;
  {
    const std::lock_guard lock(mutex_);
    if (options_.jitter.count() > 0) {
      std::uniform_int_distribution<std::int64_t> spread(-options_.jitter.count(),
                                                         options_.jitter.count());
      delay += std::chrono::nanoseconds(spread(random_));
    }
    fail = std::uniform_real_distribution<double>(0, 1)(random_) < options_.fail_share;
  }
  if (delay.count() > 0) co_await sleep(delay);
  if (fail) throw http::HTTPException(500, "500: as asked for by --fail");
}

Coro<http::Response> PageSite::page(std::string path) {
  co_await stumble();
  if (folder_) co_return co_await folder_->open(std::move(path));
  co_return http::Response(page_, kHtml);
}

Coro<http::Response> PageSite::credits(std::string id) {
  co_await stumble();
  co_return http::Response(make_fullcredits_page(id, options_.page_bytes), kHtml);
}

// A job begins when it is first asked for, or by POST /jobs, which says where to ask.
bool PageSite::finish_job(const std::string& id, double seconds) {
  constexpr std::size_t kMostJobs = 10'000;
  const Nanoseconds now = get_running_loop().time();
  const Nanoseconds length = Delay(std::chrono::duration<double>(seconds)).value();
  const std::lock_guard lock(mutex_);
  if (jobs_.size() > kMostJobs) jobs_.clear();
  return now >= jobs_.try_emplace(id, now + length).first->second;
}

Coro<http::Response> PageSite::job(std::string id, double seconds) {
  co_await stumble();
  const bool done = finish_job(id, seconds);
  const std::string text =
      "{\"id\": \"" + plain(id) + "\", \"done\": " + (done ? "true" : "false") + "}\n";
  http::Response answer(text, "application/json", done ? 200 : 202);
  if (!done) answer.header("Retry-After", "1");
  co_return answer;
}

std::string PageSite::next_job() {
  const std::lock_guard lock(mutex_);
  return std::to_string(++last_job_);
}

Coro<http::Response> PageSite::new_job(double seconds) {
  const std::string id = next_job();
  http::Response answer = co_await job(id, seconds);
  answer.header("Location", "/jobs/" + id);
  co_return answer;
}

}  // namespace asyncio::tool
