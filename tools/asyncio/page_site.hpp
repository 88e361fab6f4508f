// What `asyncio serve` answers: its routes, delays and failures.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>

#include "asyncio/http.hpp"
#include "tools/asyncio/serve.hpp"
#include "tools/asyncio/served_folder.hpp"

namespace asyncio::tool {

/// Routes: /title/{id}/fullcredits (article 002), /jobs and /jobs/{id} (article 000: 202 until it
/// is done), and for every other path a file or a generated page. Outlives the server. Its
/// applications may run in several threads at once.
class PageSite {
 public:
  /// Errors: ToolError when the folder cannot be served.
  explicit PageSite(const ServeOptions& options);

  http::Application application();

 private:
  Coro<> stumble();
  Coro<http::Response> page(std::string path);
  Coro<http::Response> credits(std::string id);
  Coro<http::Response> job(std::string id, double seconds);
  Coro<http::Response> new_job(double seconds);

  bool finish_job(const std::string& id, double seconds);
  std::string next_job();

  ServeOptions options_;
  std::shared_ptr<const std::string> page_;
  std::optional<ServedFolder> folder_;
  std::mutex mutex_;  // what follows
  std::mt19937_64 random_;
  std::map<std::string, Nanoseconds> jobs_;  // when each is done
  std::uint64_t last_job_ = 0;
};

}  // namespace asyncio::tool
