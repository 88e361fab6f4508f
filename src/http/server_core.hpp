// What the connections of one server share.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "asyncio/base/list.hpp"
#include "asyncio/http/application.hpp"
#include "asyncio/http/server.hpp"
#include "asyncio/net/server.hpp"
#include "http/http1_parser.hpp"
#include "http/server_connection.hpp"

namespace asyncio::http::detail {

class ServerCore {
 public:
  ServerCore(Scheduler& scheduler, std::shared_ptr<const Application> app,
             const ServerOptions& options);

  [[nodiscard]] Scheduler& scheduler() const noexcept { return scheduler_; }
  [[nodiscard]] const Application& app() const noexcept { return *app_; }
  [[nodiscard]] const ServerOptions& options() const noexcept { return options_; }
  [[nodiscard]] ParserLimits limits() const noexcept;
  /// Date, of this second, and Server, as lines of a head; without those that `headers` has itself.
  /// Good until the next call.
  [[nodiscard]] std::string_view usual_lines(const Headers& headers);
  [[nodiscard]] bool stopping() const noexcept { return stopping_; }
  void add(ServerConnection& connection) noexcept { connections_.push_back(&connection); }
  /// What a handler failed with.
  void report(const std::exception_ptr& error, const Request& request);

  Coro<> shutdown(Delay grace);

  std::optional<asyncio::Server> listener;
  AccessLog access_log;

 private:
  Scheduler& scheduler_;
  std::shared_ptr<const Application> app_;
  ServerOptions options_;     // its text is empty: see server_name_
  std::string lines_;         // Date, then Server
  std::string server_line_;   // empty without a name
  std::string rarely_usual_;  // what usual_lines() gives when one is left out
  std::int64_t date_second_ = -1;
  base::List<ServerConnection> connections_;
  bool stopping_ = false;
};

}  // namespace asyncio::http::detail
