// One address: tries, answers, and where the body goes.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "asyncio/http.hpp"
#include "tools/asyncio/retry.hpp"

namespace asyncio::tool {

/// The time limit of one request, which does not run while we keep the server waiting. Copies are
/// not possible; it must not move while it is used.
class RequestLimit {
 public:
  explicit RequestLimit(std::optional<Nanoseconds> length);
  [[nodiscard]] Timeout& timeout() { return timeout_; }
  void pause();
  void resume();

 private:
  Timeout timeout_;
  std::optional<Nanoseconds> left_;  // while paused
};

/// Where a body goes.
class BodySink {
 public:
  virtual ~BodySink() = default;
  /// Takes the next piece. May wait for something that is not the server's fault: then it pauses
  /// `limit`.
  virtual Coro<> write(std::string piece, RequestLimit& limit) = 0;
  /// The body is whole.
  virtual Coro<> finish(RequestLimit& limit) = 0;
  /// Forgets what was written of a body that turned out broken. False when that is not possible.
  virtual bool restart() = 0;
};

struct DownloadSettings {
  std::vector<std::pair<std::string, std::string>> headers;
  std::optional<Nanoseconds> timeout;  // of one request; nullopt: none
  RetryPolicy retry;
  std::function<double()> chance;  // from 0 to 1, for the pauses
};

/// How it went. With an empty `reason` all is well.
struct DownloadResult {
  std::string url;
  std::string final_url;  // after redirects; empty without an answer
  std::string file;
  int status = 0;                          // of the last answer
  std::uint64_t bytes = 0;                 // of the last body, as they come
  std::optional<std::uint64_t> announced;  // how many there will be, if the server said so
  unsigned attempts = 0;
  double seconds = 0;
  std::string reason;  // for grouping
  std::string error;   // the whole
  bool unreachable = false;
};

/// Downloads result.url into the sink and fills the rest of `result`, also as far as it came when
/// it is cancelled. Throws nothing but CancelledError. Everything referred to must outlive it.
Coro<> download(http::ClientSession& session, const DownloadSettings& settings, BodySink& sink,
                DownloadResult& result);

}  // namespace asyncio::tool
