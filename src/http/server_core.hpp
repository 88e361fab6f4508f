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
  /// "Server" and "Date" of this second, as the lines of a head.
  void add_fields(Headers& headers);
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
  ServerOptions options_;  // its text is empty: see server_name_
  std::string server_name_;
  std::string date_;
  std::int64_t date_second_ = 0;
  base::List<ServerConnection> connections_;
  bool stopping_ = false;
};

}  // namespace asyncio::http::detail
