#include "http/url_host.hpp"

#include <idn2.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <memory>
#include <optional>

#include "asyncio/http/headers.hpp"
#include "http/chars.hpp"

namespace asyncio::http {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

/// Undoes %XX; nullopt for an escape that is none.
std::optional<std::string> unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size() || !chars::is(text[i + 1], chars::kHexDigit) ||
        !chars::is(text[i + 2], chars::kHexDigit)) {
      return std::nullopt;
    }
    out += static_cast<char>(chars::hex_value(text[i + 1]) * 16 + chars::hex_value(text[i + 2]));
    i += 2;
  }
  return out;
}

bool needs_idna(std::string_view host) {
  for (std::size_t i = 0; i < host.size(); ++i) {
    if (static_cast<unsigned char>(host[i]) > 127) return true;
    const bool label_start = i == 0 || host[i - 1] == '.';
    if (label_start && same_name(host.substr(i, 4), "xn--")) return true;
  }
  return false;
}

std::string to_ascii(const std::string& host, std::string& problem) {
  if (host.find('\0') != std::string::npos) {
    problem = "contains a control byte";
    return {};
  }
  std::uint8_t* found = nullptr;
  const int result = idn2_lookup_u8(reinterpret_cast<const std::uint8_t*>(host.c_str()), &found,
                                    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<std::uint8_t, void (*)(void*)> owner(found, idn2_free);
  if (result != IDN2_OK) {
    problem = std::string("is not a valid international name (") + idn2_strerror(result) + ")";
    return {};
  }
  return reinterpret_cast<const char*>(found);
}

/// What must not be in a host, in words.
std::string bad_byte(std::string_view host) {
  // WHATWG's forbidden domain code points. What RFC 3986 allows beyond letters ("_", "!", "~")
  // stays.
  constexpr std::string_view kForbidden = "#/:<>?@[\\]^|%\"`{}";
  for (const char c : host) {
    if (c == ' ') return "contains a space";
    if (static_cast<unsigned char>(c) < 32 || c == 127) return "contains a control byte";
    if (kForbidden.find(c) != kNone) return std::string("contains ") + c;
  }
  return {};
}

std::string bad_label(std::string_view host) {
  if (host.size() > 253) return "is longer than 253 bytes";
  while (!host.empty()) {
    const std::size_t dot = host.find('.');
    const std::string_view label = host.substr(0, dot);
    if (label.empty()) return "has an empty label";
    if (label.size() > 63) return "has a label longer than 63 bytes";
    host.remove_prefix(dot == kNone ? host.size() : dot + 1);
  }
  return {};
}

bool is_number(std::string_view label) {
  if (chars::all(label, chars::kDigit)) return !label.empty();
  return label.starts_with("0x") && chars::all(label.substr(2), chars::kHexDigit);
}

/// Four decimal numbers up to 255 without leading zeros.
bool is_canonical_ipv4(std::string_view host) {
  int parts = 0;
  while (true) {
    const std::size_t dot = host.find('.');
    const std::string_view part = host.substr(0, dot);
    if (part.empty() || part.size() > 3 || !chars::all(part, chars::kDigit)) return false;
    if (part.size() > 1 && part.front() == '0') return false;
    int value = 0;
    for (const char c : part) value = value * 10 + (c - '0');
    if (value > 255) return false;
    ++parts;
    if (dot == kNone) return parts == 4;
    host.remove_prefix(dot + 1);
  }
}

using Ipv6 = std::array<std::uint16_t, 8>;

bool read_ipv4_tail(std::string_view text, std::uint16_t* words) {
  if (!is_canonical_ipv4(text)) return false;
  unsigned value = 0;
  for (int i = 0; i < 4; ++i) {
    const std::size_t dot = text.find('.');
    unsigned part = 0;
    for (const char c : text.substr(0, dot)) part = part * 10 + static_cast<unsigned>(c - '0');
    value = value * 256 + part;
    text.remove_prefix(dot == kNone ? text.size() : dot + 1);
  }
  words[0] = static_cast<std::uint16_t>(value >> 16);
  words[1] = static_cast<std::uint16_t>(value & 0xffff);
  return true;
}

/// Reads groups of hexadecimal digits until the text or "::" ends them; -1 when it is none.
int read_groups(std::string_view text, std::uint16_t* words, int room) {
  int count = 0;
  while (!text.empty()) {
    const std::size_t colon = text.find(':');
    const std::string_view group = text.substr(0, colon);
    if (colon == kNone && group.find('.') != kNone) {
      if (count + 2 > room || !read_ipv4_tail(group, words + count)) return -1;
      return count + 2;
    }
    unsigned value = 0;
    if (group.empty() || group.size() > 4 || count == room) return -1;
    if (!chars::all(group, chars::kHexDigit)) return -1;
    std::from_chars(group.data(), group.data() + group.size(), value, 16);
    words[count++] = static_cast<std::uint16_t>(value);
    if (colon == kNone) break;
    text.remove_prefix(colon + 1);
    if (text.empty()) return -1;
  }
  return count;
}

std::optional<Ipv6> parse_ipv6(std::string_view text) {
  Ipv6 words{};
  const std::size_t gap = text.find("::");
  if (gap == kNone) {
    if (read_groups(text, words.data(), 8) != 8) return std::nullopt;
    return words;
  }
  Ipv6 tail{};
  const int before = read_groups(text.substr(0, gap), words.data(), 7);
  const int after = read_groups(text.substr(gap + 2), tail.data(), 7);
  if (before < 0 || after < 0 || before + after > 7) return std::nullopt;
  // An address in the middle ("1.2.3.4::") is none: read_groups allows it only at the very end.
  if (text.substr(0, gap).find('.') != kNone) return std::nullopt;
  std::copy_n(tail.begin(), after, words.end() - after);
  return words;
}

/// RFC 5952: lower case, no leading zeros, the first longest run of zeros as "::".
std::string format_ipv6(const Ipv6& words) {
  std::size_t best = 8;
  std::size_t best_size = 1;
  for (std::size_t i = 0; i < 8; ++i) {
    std::size_t end = i;
    while (end < 8 && words[end] == 0) ++end;
    if (end - i > best_size) {
      best = i;
      best_size = end - i;
    }
    if (end > i) i = end;
  }
  std::string out = "[";
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == best) {
      out += "::";
      i += best_size - 1;
      continue;
    }
    if (out.back() != ':' && out.back() != '[') out += ':';
    char digits[4];
    const auto result = std::to_chars(digits, digits + 4, words[i], 16);
    out.append(digits, result.ptr);
  }
  return out + "]";
}

UrlHost normalize_ipv6(std::string_view raw, std::string& problem) {
  if (!raw.ends_with(']')) {
    problem = "has a [ without a ]";
    return {};
  }
  const std::string_view text = raw.substr(1, raw.size() - 2);
  if (text.find('%') != kNone) {
    problem = "is an IPv6 address with a zone, which cannot be sent to a server";
    return {};
  }
  const std::optional<Ipv6> address = parse_ipv6(text);
  if (!address) {
    problem = "is not an IPv6 address";
    return {};
  }
  return {format_ipv6(*address), true};
}

}  // namespace

UrlHost normalize_host(std::string_view raw, std::string& problem) {
  problem.clear();
  if (raw.empty()) {
    problem = "is empty";
    return {};
  }
  if (raw.front() == '[') return normalize_ipv6(raw, problem);
  std::optional<std::string> host = unescape(raw);
  if (!host) {
    problem = "has a % that is no escape";
    return {};
  }
  problem = bad_byte(*host);
  if (problem.empty() && needs_idna(*host)) {
    *host = to_ascii(*host, problem);
    if (problem.empty()) problem = bad_byte(*host);
  }
  for (char& c : *host) c = chars::lower(c);
  const bool rooted = host->ends_with('.');  // "example.com." is a name of its own
  const std::string_view name = std::string_view(*host).substr(0, host->size() - (rooted ? 1 : 0));
  if (problem.empty()) problem = name.empty() ? "is empty" : bad_label(name);
  if (!problem.empty()) return {};
  const std::size_t dot = name.rfind('.');
  if (!is_number(dot == kNone ? name : name.substr(dot + 1))) return {std::move(*host), false};
  if (rooted || !is_canonical_ipv4(name)) {
    problem = "is a number that is not an IPv4 address in its usual form (1.2.3.4)";
    return {};
  }
  return {std::move(*host), true};
}

}  // namespace asyncio::http
