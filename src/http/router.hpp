// Paths to handlers. Decides; knows no connection.
#pragma once

#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "asyncio/http/application.hpp"

namespace asyncio::http {

/// A path with parts in braces.
class PathPattern {
 public:
  /// Errors: ValueError that names the path and what is wrong with it.
  explicit PathPattern(std::string_view path);
  /// Whether `path` (decoded) matches as a whole; then `match` has the parts by name.
  [[nodiscard]] bool matches(const std::string& path, Request::Pairs& match) const;
  [[nodiscard]] static bool is_plain(std::string_view path) noexcept;

 private:
  struct Part {
    std::string name;
    std::size_t group;  // the user's own expression may have groups too
  };
  std::regex expression_;
  std::vector<Part> parts_;
};

class Router {
 public:
  void add(std::string_view method, std::string_view path, Handler handler);
  [[nodiscard]] const Handler& resolve(Request& request) const;

 private:
  struct Route {
    std::string method;
    Handler handler;
  };
  struct Resource {
    std::string path;
    std::optional<PathPattern> pattern;  // none: a plain path
    std::vector<Route> routes;
    Handler not_allowed;  // 405 with the methods there are
  };

  Resource& resource_of(std::string_view path);
  [[nodiscard]] static const Handler* find(const Resource& resource, std::string_view method);

  std::unordered_map<std::string, Resource> plain_;
  std::vector<Resource> patterns_;
};

}  // namespace asyncio::http
