#include "http/router.hpp"

#include <algorithm>

#include "asyncio/base/error.hpp"

namespace asyncio::http {
namespace {

Coro<Response> answer_not_found(Request&) { throw HTTPException(404); }
const Handler kNotFound = &answer_not_found;

void append_literal(std::string& expression, std::string_view text) {
  constexpr std::string_view kSpecial = "^$\\.*+?()[]{}|";
  for (const char c : text) {
    if (kSpecial.find(c) != std::string_view::npos) expression += '\\';
    expression += c;
  }
}

ValueError bad_path(std::string_view path, std::string_view reason) {
  return ValueError("route " + std::string(path) + ": " + std::string(reason));
}

// The end of a part in braces; an expression in it may have braces of its own.
std::size_t closing_brace(std::string_view path, std::size_t open) {
  int depth = 0;
  for (std::size_t at = open; at < path.size(); ++at) {
    if (path[at] == '{') ++depth;
    if (path[at] == '}' && --depth == 0) return at;
  }
  throw bad_path(path, "'{' without '}'");
}

}  // namespace

bool PathPattern::is_plain(std::string_view path) noexcept {
  return path.find('{') == std::string_view::npos;
}

PathPattern::PathPattern(std::string_view path) {
  std::string expression;
  std::size_t groups = 0;
  std::size_t at = 0;
  try {
    while (at < path.size()) {
      const std::size_t open = std::min(path.find('{', at), path.size());
      append_literal(expression, path.substr(at, open - at));
      if (open == path.size()) break;
      const std::size_t close = closing_brace(path, open);
      const std::string_view part = path.substr(open + 1, close - open - 1);
      const std::size_t colon = part.find(':');
      const std::string_view name = part.substr(0, colon);
      if (name.empty()) throw bad_path(path, "a part in braces without a name");
      const std::string inner(colon == std::string_view::npos ? "[^{}/]+" : part.substr(colon + 1));
      parts_.push_back({std::string(name), ++groups});
      groups += std::regex(inner).mark_count();
      expression += "(" + inner + ")";
      at = close + 1;
    }
    expression_.assign(expression, std::regex::ECMAScript | std::regex::optimize);
  } catch (const std::regex_error& e) {
    throw bad_path(path, e.what());
  }
}

bool PathPattern::matches(const std::string& path, Request::Pairs& match) const {
  // std::regex recurses once per character; a path beyond any real one is not worth the stack.
  constexpr std::size_t kLongest = 2048;
  std::smatch found;
  if (path.size() > kLongest || !std::regex_match(path, found, expression_)) return false;
  for (const Part& part : parts_) match.emplace_back(part.name, found[part.group].str());
  return true;
}

Router::Resource& Router::resource_of(std::string_view path) {
  if (PathPattern::is_plain(path)) {
    Resource& resource = plain_[std::string(path)];
    resource.path = path;
    return resource;
  }
  for (Resource& resource : patterns_) {
    if (resource.path == path) return resource;
  }
  Resource resource;
  resource.path = path;
  resource.pattern.emplace(path);
  return patterns_.emplace_back(std::move(resource));
}

void Router::add(std::string_view method, std::string_view path, Handler handler) {
  if (!path.starts_with('/')) throw bad_path(path, "a path begins with '/'");
  Resource& resource = resource_of(path);
  for (const Route& route : resource.routes) {
    if (route.method == method) {
      throw RuntimeError("route " + std::string(method) + " " + std::string(path) +
                         " is there already");
    }
  }
  resource.routes.push_back({std::string(method), std::move(handler)});
  std::string allowed;
  for (const Route& route : resource.routes) {
    allowed += (allowed.empty() ? "" : ", ") + route.method;
  }
  resource.not_allowed = [allowed](Request&) -> Coro<Response> {
    throw HTTPException(405).header("Allow", allowed);
    co_return Response();
  };
}

const Handler* Router::find(const Resource& resource, std::string_view method) {
  for (const Route& route : resource.routes) {
    if (route.method == method || route.method == "*") return &route.handler;
  }
  return nullptr;
}

const Handler& Router::resolve(Request& request) const {
  const Resource* known = nullptr;
  if (const auto plain = plain_.find(request.path()); plain != plain_.end()) {
    known = &plain->second;
    if (const Handler* handler = find(*known, request.method())) return *handler;
  }
  for (const Resource& resource : patterns_) {
    Request::Pairs match;
    if (!resource.pattern->matches(request.path(), match)) continue;
    if (known == nullptr) known = &resource;
    if (const Handler* handler = find(resource, request.method())) {
      request.set_match(std::move(match));
      return *handler;
    }
  }
  return known != nullptr ? known->not_allowed : kNotFound;
}

// --- Application --------------------------------------------------------------------------------

Application::Application() : router_(std::make_unique<Router>()) {}
Application::Application(Application&&) noexcept = default;
Application& Application::operator=(Application&&) noexcept = default;
Application::~Application() = default;

void Application::add_route(std::string_view method, std::string_view path, Handler handler) {
  router_->add(method, path, std::move(handler));
}
void Application::add_get(std::string_view path, Handler handler) {
  router_->add("GET", path, handler);
  router_->add("HEAD", path, std::move(handler));
}
void Application::add_post(std::string_view path, Handler handler) {
  router_->add("POST", path, std::move(handler));
}
void Application::add_put(std::string_view path, Handler handler) {
  router_->add("PUT", path, std::move(handler));
}
void Application::add_delete(std::string_view path, Handler handler) {
  router_->add("DELETE", path, std::move(handler));
}

const Handler& Application::resolve(Request& request) const { return router_->resolve(request); }

}  // namespace asyncio::http
