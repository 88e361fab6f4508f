// What the mode and the options of open() ask for, by Python's rules.
#pragma once

#include <string>
#include <string_view>

#include "asyncio/files/file.hpp"

namespace asyncio::detail {

enum class Newline : unsigned char {
  translate,  ///< any of them ends a line and is read as "\n"
  universal,  ///< any of them ends a line
  lf,
  cr,
  crlf
};
enum class TextErrors : unsigned char { strict, replace, ignore };

struct OpenMode {
  int flags = 0;  ///< of open(2)
  bool readable = false;
  bool writable = false;
  bool append = false;
  bool text = true;
  bool line_buffering = false;
  Newline newline = Newline::translate;
  TextErrors errors = TextErrors::strict;
  std::size_t buffer_size = 0;  ///< 0: none
};

/// ValueError, LookupError as CPython's open().
[[nodiscard]] OpenMode parse_mode(std::string_view mode, const files::OpenOptions& options);

}  // namespace asyncio::detail
