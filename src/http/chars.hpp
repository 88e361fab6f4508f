// Classes of bytes in HTTP, as one table: a lookup per byte instead of a chain of comparisons.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace asyncio::http::chars {

enum Class : std::uint8_t {
  kToken = 1,       // tchar of RFC 9110 5.6.2
  kFieldValue = 2,  // anything in a field value: no control byte but tab
  kTarget = 4,      // visible ASCII: a request-target or a method never holds more
  kDigit = 8,
  kHexDigit = 16,
  kSpace = 32,  // OWS: space and tab
  kUrl = 64,    // what may stand in a path or query of RFC 3986, a "%" included
  kText = 128,  // visible ASCII, space and tab
};

consteval std::array<std::uint8_t, 256> make_table() {
  std::array<std::uint8_t, 256> table{};
  for (unsigned c = 0; c < 256; ++c) {
    const bool digit = c >= '0' && c <= '9';
    const bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool punctuation =
        c < 127 &&
        std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
    unsigned bits = 0;
    if (digit || alpha || punctuation) bits |= kToken;
    if ((c >= 32 && c != 127) || c == '\t') bits |= kFieldValue;
    if (c > 32 && c < 127) bits |= kTarget;
    if (digit) bits |= kDigit;
    if (digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) bits |= kHexDigit;
    if (c == ' ' || c == '\t') bits |= kSpace;
    constexpr std::string_view kMarks = "-._~!$&'()*+,;=:@/?%";
    if (alpha || digit || (c < 127 && kMarks.find(static_cast<char>(c)) != kMarks.npos)) {
      bits |= kUrl;
    }
    if ((c >= 32 && c < 127) || c == '\t') bits |= kText;
    table[c] = static_cast<std::uint8_t>(bits);
  }
  return table;
}
inline constexpr std::array<std::uint8_t, 256> kTable = make_table();

[[nodiscard]] inline bool is(char c, Class wanted) noexcept {
  return (kTable[static_cast<unsigned char>(c)] & wanted) != 0;
}

/// The first byte that is not of the class, or npos.
[[nodiscard]] inline std::size_t find_not(std::string_view text, Class wanted) noexcept {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!is(text[i], wanted)) return i;
  }
  return std::string_view::npos;
}

[[nodiscard]] inline bool all(std::string_view text, Class wanted) noexcept {
  return find_not(text, wanted) == std::string_view::npos;
}

[[nodiscard]] inline char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

/// The value of a hexadecimal digit; the caller has checked that it is one.
[[nodiscard]] inline unsigned hex_value(char c) noexcept {
  return c <= '9' ? static_cast<unsigned>(c - '0') : static_cast<unsigned>(lower(c) - 'a' + 10);
}

/// `text` without spaces and tabs at its ends.
[[nodiscard]] inline std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && is(text.front(), kSpace)) text.remove_prefix(1);
  while (!text.empty() && is(text.back(), kSpace)) text.remove_suffix(1);
  return text;
}

/// Calls `use(item)` for each trimmed item of a comma-separated list, empty ones included, until it
/// returns false.
template <class Use>
void for_each_item(std::string_view list, Use use) {
  while (true) {
    const std::size_t comma = list.find(',');
    if (!use(trim(list.substr(0, comma))) || comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace asyncio::http::chars
