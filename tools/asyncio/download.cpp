#include "tools/asyncio/download.hpp"

#include <ctime>

#include "tools/asyncio/failure.hpp"
#include "tools/asyncio/units.hpp"

namespace asyncio::tool {
namespace {

// The body of an error page is read away when it is short: then the connection can be used again.
constexpr std::uint64_t kShortBody = 64 * 1024;

struct Attempt {
  http::ClientSession& session;
  const DownloadSettings& settings;
  BodySink& sink;
  DownloadResult& result;
  RequestLimit limit;
  Failure failure;
  std::optional<std::chrono::seconds> retry_after;
};

Coro<> read_away(http::ClientResponse response) {
  const std::optional<std::uint64_t> length = response.content_length();
  if (!length || *length > kShortBody) {
    response.close();
    co_return;
  }
  Result<std::string> body = co_await try_(response.read());
  if (base::exception_is<CancelledError>(body.exception())) co_await raise(body.exception());
}

Coro<> receive(Attempt& attempt, http::ClientResponse response) {
  attempt.result.announced = response.content_length();
  for (;;) {
    std::string piece = co_await response.readany();
    if (piece.empty()) break;
    attempt.result.bytes += piece.size();
    co_await attempt.sink.write(std::move(piece), attempt.limit);
  }
  co_await attempt.sink.finish(attempt.limit);
}

Coro<> ask(Attempt& attempt) {
  http::ClientRequest request = attempt.session.get(attempt.result.url);
  for (const auto& [name, value] : attempt.settings.headers) request.header(name, value);
  http::ClientResponse response = co_await request;
  attempt.result.status = response.status();
  attempt.result.final_url = response.url().without_credentials();
  if (response.ok()) {
    co_await receive(attempt, response);
    co_return;
  }
  attempt.failure = failure_of_status(response.status(), response.reason());
  attempt.retry_after =
      parse_retry_after(response.headers().get("Retry-After", ""), std::time(nullptr));
  co_await read_away(response);
}

Failure failure_of_attempt(const std::exception_ptr& error, Attempt& attempt) {
  // with() says only that the time is up.
  if (attempt.limit.timeout().expired() && attempt.settings.timeout) {
    const double seconds = Delay(*attempt.settings.timeout).seconds();
    return {"timeout", "no answer within " + format_duration(seconds), true, false};
  }
  return failure_of(error);
}

// One request. Its failure is empty when all went well.
Coro<Failure> try_once(http::ClientSession& session, const DownloadSettings& settings,
                       BodySink& sink, DownloadResult& result,
                       std::optional<std::chrono::seconds>& retry_after) {
  Attempt attempt{session, settings, sink, result, RequestLimit(settings.timeout), {}, {}};
  auto block = [&attempt]() -> Coro<> { co_await ask(attempt); };
  Result<void> outcome = co_await try_(with(attempt.limit.timeout(), block));
  if (!outcome.ok()) {
    if (base::exception_is<CancelledError>(outcome.exception())) {
      co_await raise(outcome.exception());
    }
    attempt.failure = failure_of_attempt(outcome.exception(), attempt);
  }
  retry_after = attempt.retry_after;
  Failure failure = std::move(attempt.failure);
  co_return failure;
}

}  // namespace

RequestLimit::RequestLimit(std::optional<Nanoseconds> length)
    : timeout_(asyncio::timeout(length ? std::optional<Delay>(*length) : std::nullopt)) {}

void RequestLimit::pause() {
  if (!timeout_.when()) return;
  left_ = *timeout_.when() - get_running_loop().time();
  timeout_.reschedule(std::nullopt);
}

void RequestLimit::resume() {
  if (!left_) return;
  timeout_.reschedule(base::saturating_add(get_running_loop().time(), *left_));
  left_.reset();
}

Coro<> download(http::ClientSession& session, const DownloadSettings& settings, BodySink& sink,
                DownloadResult& result) {
  const unsigned tries = settings.retry.retries + 1;
  while (result.attempts < tries) {
    ++result.attempts;
    result.bytes = 0;
    std::optional<std::chrono::seconds> retry_after;
    Failure failure = co_await try_once(session, settings, sink, result, retry_after);
    result.reason = std::move(failure.reason);
    result.error = std::move(failure.detail);
    result.unreachable = failure.unreachable && result.status == 0;
    if (result.reason.empty()) co_return;
    if (!sink.restart()) {
      result.error += " (a part of the body is already on standard output)";
      co_return;
    }
    if (!failure.retry || result.attempts == tries) co_return;
    co_await sleep(
        pause_before(settings.retry, result.attempts + 1, settings.chance(), retry_after));
  }
}

}  // namespace asyncio::tool
