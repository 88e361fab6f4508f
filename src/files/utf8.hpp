// UTF-8 as Python's decoder sees it, a piece at a time.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "asyncio/files/errors.hpp"

namespace asyncio::detail {

/// What stands at the beginning of some bytes.
struct Utf8Character {
  std::size_t size = 0;           ///< of the character, or of the bytes that are none
  const char* problem = nullptr;  ///< null: a character; else the reason why not
  bool cut = false;               ///< the bytes end within what may become one
};

/// `bytes` must not be empty.
[[nodiscard]] Utf8Character utf8_at(std::string_view bytes) noexcept;

/// How many bytes from the beginning are whole, valid characters.
[[nodiscard]] std::size_t utf8_prefix(std::string_view bytes) noexcept;

/// How many characters `text` has; what is none counts as one for each sequence.
[[nodiscard]] std::size_t utf8_length(std::string_view text) noexcept;

/// The text with `instead` for each sequence that is none. Python: errors="replace", "ignore".
[[nodiscard]] std::string utf8_repaired(std::string_view bytes, std::string_view instead);

/// With "\n" for each "\r\n" and "\r".
[[nodiscard]] std::string with_plain_newlines(std::string_view raw);

/// For a text to be written that is none from `position` on.
[[nodiscard]] UnicodeEncodeError encode_error(std::size_t position);

}  // namespace asyncio::detail
