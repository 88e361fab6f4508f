// Application: which handler answers which request.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "asyncio/coro/coro.hpp"
#include "asyncio/http/request.hpp"
#include "asyncio/http/response.hpp"

namespace asyncio::http {

class Router;

/// A coroutine function from a request to its response. The request outlives the call. What it
/// throws: an HTTPException is the answer; anything else is reported, and the answer is 500.
using Handler = std::function<Coro<Response>(Request&)>;

/// Python: aiohttp.web.Application.
///
///   http::Application app;
///   app.add_get("/hello/{name}", [](http::Request& request) -> asyncio::Coro<http::Response> {
///     co_return http::Response("Hello, " + request.match_info("name") + "\n");
///   });
///   auto server = co_await http::start_server(app, "127.0.0.1", 8080);
class Application {
 public:
  Application();
  Application(Application&&) noexcept;
  Application& operator=(Application&&) noexcept;
  ~Application();

  /// `path` is "/fixed/path" or has parts in braces: "{name}" matches one segment, "{name:regex}"
  /// what the expression matches, "{tail:.*}" all the rest. Routes are tried in order, fixed paths
  /// first. "*" as method means any. ValueError for a path that cannot be read, RuntimeError for a
  /// route that is there already. Python: router.add_route.
  void add_route(std::string_view method, std::string_view path, Handler handler);
  /// Also answers HEAD. Python: router.add_get.
  void add_get(std::string_view path, Handler handler);
  /// Python: router.add_post, add_put, add_delete.
  void add_post(std::string_view path, Handler handler);
  void add_put(std::string_view path, Handler handler);
  void add_delete(std::string_view path, Handler handler);

  /// The handler of the request, whose match_info is then set; one that answers 404, or 405 with
  /// Allow, when there is none.
  [[nodiscard]] const Handler& resolve(Request& request) const;

 private:
  std::unique_ptr<Router> router_;
};

}  // namespace asyncio::http
