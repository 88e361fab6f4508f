#include "files/utf8.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace asyncio::detail {
namespace {

constexpr const char* kBadStart = "invalid start byte";
constexpr const char* kBadContinuation = "invalid continuation byte";
constexpr const char* kCut = "unexpected end of data";

unsigned char byte_at(std::string_view bytes, std::size_t index) noexcept {
  return static_cast<unsigned char>(bytes[index]);
}

// The bytes that may follow the first one; behind it all are 80..BF.
struct Shape {
  std::size_t size;
  unsigned char low;
  unsigned char high;
};

Shape shape_of(unsigned char first) noexcept {
  if (first < 0xC2 || first > 0xF4) return {0, 0, 0};
  if (first < 0xE0) return {2, 0x80, 0xBF};
  if (first == 0xE0) return {3, 0xA0, 0xBF};
  if (first == 0xED) return {3, 0x80, 0x9F};  // surrogates are no characters
  if (first < 0xF0) return {3, 0x80, 0xBF};
  if (first == 0xF0) return {4, 0x90, 0xBF};
  if (first == 0xF4) return {4, 0x80, 0x8F};
  return {4, 0x80, 0xBF};
}

std::size_t ascii_prefix(std::string_view bytes) noexcept {
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, sizeof word);
    if ((word & 0x8080808080808080U) != 0) break;
  }
  while (at < bytes.size() && byte_at(bytes, at) < 0x80) ++at;
  return at;
}

}  // namespace

Utf8Character utf8_at(std::string_view bytes) noexcept {
  const unsigned char first = byte_at(bytes, 0);
  if (first < 0x80) return {1, nullptr, false};
  const Shape shape = shape_of(first);
  if (shape.size == 0) return {1, kBadStart, false};
  for (std::size_t i = 1; i < shape.size; ++i) {
    if (i == bytes.size()) return {i, kCut, true};
    const unsigned char next = byte_at(bytes, i);
    const unsigned char low = i == 1 ? shape.low : 0x80;
    const unsigned char high = i == 1 ? shape.high : 0xBF;
    if (next < low || next > high) return {i, kBadContinuation, false};
  }
  return {shape.size, nullptr, false};
}

std::size_t utf8_prefix(std::string_view bytes) noexcept {
  std::size_t at = 0;
  for (;;) {
    at += ascii_prefix(bytes.substr(at));
    if (at == bytes.size()) return at;
    const Utf8Character next = utf8_at(bytes.substr(at));
    if (next.problem != nullptr) return at;
    at += next.size;
  }
}

std::size_t utf8_length(std::string_view text) noexcept {
  std::size_t count = 0;
  while (!text.empty()) {
    const std::size_t plain = ascii_prefix(text);
    count += plain;
    text.remove_prefix(plain);
    if (text.empty()) break;
    text.remove_prefix(utf8_at(text).size);
    ++count;
  }
  return count;
}

std::string utf8_repaired(std::string_view bytes, std::string_view instead) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const std::size_t good = utf8_prefix(bytes);
    text += bytes.substr(0, good);
    bytes.remove_prefix(good);
    if (bytes.empty()) break;
    text += instead;
    bytes.remove_prefix(utf8_at(bytes).size);
  }
  return text;
}

std::string with_plain_newlines(std::string_view raw) {
  std::string text;
  text.reserve(raw.size());
  while (!raw.empty()) {
    const std::size_t plain = std::min(raw.find('\r'), raw.size());
    text += raw.substr(0, plain);
    raw.remove_prefix(plain);
    if (raw.empty()) break;
    text += '\n';
    raw.remove_prefix(raw.starts_with("\r\n") ? 2 : 1);
  }
  return text;
}

UnicodeEncodeError encode_error(std::size_t position) {
  return UnicodeEncodeError("'utf-8' codec can't encode the byte in position " +
                            std::to_string(position) + ": the text is not UTF-8");
}

}  // namespace asyncio::detail
