#include "http/head_checks.hpp"

#include "asyncio/http/headers.hpp"
#include "http/chars.hpp"

namespace asyncio::http {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

bool is_port(std::string_view port) noexcept {
  if (!chars::all(port, chars::kDigit)) return false;
  unsigned value = 0;
  for (const char c : port) {
    value = value * 10 + static_cast<unsigned>(c - '0');
    if (value > 65535) return false;
  }
  return true;
}

bool is_ipv6(std::string_view text) noexcept {
  bool colon = false;
  for (const char c : text) {
    colon = colon || c == ':';
    if (c != ':' && c != '.' && !chars::is(c, chars::kHexDigit)) return false;
  }
  return colon;
}

bool is_reg_name(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size() || !chars::is(text[i + 1], chars::kHexDigit) ||
          !chars::is(text[i + 2], chars::kHexDigit)) {
        return false;
      }
      i += 2;
      continue;
    }
    // The comma is legal in a reg-name and found only where two Host fields have been merged.
    const bool elsewhere = c == ',' || c == ':' || c == '@' || c == '/' || c == '?';
    if (!chars::is(c, chars::kUrl) || elsewhere) return false;
  }
  return !text.empty();
}

/// "http://host[:port]" and then a path, a query or nothing.
const char* check_absolute(std::string_view target) noexcept {
  const std::size_t colon = target.find("://");
  if (colon == kNone) return "bad request target: neither a path nor a URL";
  const std::string_view scheme = target.substr(0, colon);
  if (!same_name(scheme, "http") && !same_name(scheme, "https")) {
    return "bad request target: not a URL of http or https";
  }
  const std::string_view rest = target.substr(colon + 3);
  if (!is_valid_host_field(rest.substr(0, rest.find_first_of("/?")))) {
    return "bad request target: its host is not valid";
  }
  return nullptr;
}

}  // namespace

bool is_valid_host_field(std::string_view value) noexcept {
  if (value.starts_with('[')) {
    const std::size_t close = value.find(']');
    if (close == kNone || !is_ipv6(value.substr(1, close - 1))) return false;
    const std::string_view rest = value.substr(close + 1);
    return rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)));
  }
  const std::size_t colon = value.find(':');
  if (colon != kNone && !is_port(value.substr(colon + 1))) return false;
  return is_reg_name(value.substr(0, colon));
}

const char* check_target(std::string_view method, std::string_view target) noexcept {
  if (!chars::all(target, chars::kTarget) || target.find('#') != kNone) {
    return "bad request target: a byte in it has to be escaped";
  }
  if (method == "CONNECT") {
    const bool has_port =
        target.rfind(':') != kNone && target.back() != ':' && target.back() != ']';
    return has_port && is_valid_host_field(target) ? nullptr
                                                   : "bad request target: CONNECT wants host:port";
  }
  if (target.starts_with('/')) return nullptr;
  if (target == "*") return method == "OPTIONS" ? nullptr : "bad request target: * is for OPTIONS";
  return check_absolute(target);
}

}  // namespace asyncio::http
