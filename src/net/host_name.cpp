#include "net/host_name.hpp"

#include <netdb.h>

#include <algorithm>

#include "asyncio/base/error.hpp"

namespace asyncio::detail {
namespace {

constexpr std::size_t kLongestName = 253;
constexpr std::size_t kLongestLabel = 63;

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
// The underscore is in names of services and of many hosts that exist.
constexpr bool is_usual(char c) noexcept {
  return is_letter(c) || is_digit(c) || c == '-' || c == '_' || c == '.';
}

// As Python's repr: what a terminal would not show is escaped.
std::string quoted(std::string_view text) {
  constexpr std::size_t kShown = 80;
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "'";
  for (const char c : text.substr(0, kShown)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      out += "\\n";
    } else if (byte < ' ' || byte >= 127) {
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      out += c;
    }
  }
  return out + (text.size() > kShown ? "...'" : "'");
}

std::exception_ptr not_a_host(std::string_view host, const std::string& why) {
  return std::make_exception_ptr(GaiError(EAI_NONAME, getaddrinfo_context(host), why));
}

std::exception_ptr check_characters(std::string_view host) {
  const auto odd = std::find_if_not(host.begin(), host.end(), is_usual);
  if (odd == host.end()) return nullptr;
  if (host.find(':') != host.npos) {
    const bool bracketed = host.front() == '[';
    return not_a_host(host, bracketed ? "the brackets of an IPv6 address belong to URLs"
                                      : "not an IPv6 address, nor a host name");
  }
  if (static_cast<unsigned char>(*odd) >= 0x80) {
    return not_a_host(host,
                      "not ASCII; write the name as \"xn--...\" (IDNA), as URLs do by itself");
  }
  return not_a_host(host, "a host name has no " + quoted({&*odd, 1}));
}

// What inet_aton takes for an address in other ways than as four decimal numbers: "127.1",
// "2130706433", "0x7f.1". The rule is that of URLs: a last label like a number makes it an address.
bool ends_in_number(std::string_view host) noexcept {
  const std::string_view last = host.substr(host.rfind('.') + 1);
  if (std::all_of(last.begin(), last.end(), is_digit)) return true;
  if (last.size() < 2 || last[0] != '0' || (last[1] | 0x20) != 'x') return false;
  return std::all_of(last.begin() + 2, last.end(), [](char c) {
    const char lower = static_cast<char>(c | 0x20);
    return is_digit(c) || (lower >= 'a' && lower <= 'f');
  });
}

bool has_bad_label(std::string_view host) noexcept {
  for (;;) {
    const std::size_t dot = host.find('.');
    const std::size_t size = std::min(dot, host.size());
    if (size == 0 || size > kLongestLabel) return true;
    if (dot == host.npos) return false;
    host.remove_prefix(dot + 1);
  }
}

}  // namespace

std::string getaddrinfo_context(std::string_view host) {
  if (host.empty()) return "getaddrinfo (any host)";
  const bool plain =
      host.size() <= kLongestName &&
      std::all_of(host.begin(), host.end(), [](char c) { return c > ' ' && c < 127; });
  return "getaddrinfo " + (plain ? std::string(host) : quoted(host));
}

std::exception_ptr check_host_name(std::string_view host) {
  if (host.find('\0') != host.npos) {
    return std::make_exception_ptr(ValueError("embedded null character in the host name"));
  }
  std::string_view name = host;
  if (name.ends_with('.')) name.remove_suffix(1);  // the name is complete: no search list
  if (std::exception_ptr error = check_characters(name)) return error;
  if (has_bad_label(name)) {
    return std::make_exception_ptr(
        ValueError(getaddrinfo_context(host) + ": label empty or too long"));
  }
  if (name.size() > kLongestName) return not_a_host(host, "longer than 253 characters");
  if (ends_in_number(name)) {
    return not_a_host(host, "an IPv4 address is four decimal numbers, such as 127.0.0.1");
  }
  return nullptr;
}

}  // namespace asyncio::detail
