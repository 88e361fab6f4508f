#include "files/open_mode.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cctype>

#include "asyncio/base/error.hpp"

namespace asyncio::detail {
namespace {

constexpr std::size_t kDefaultBuffer = 128 * 1024;  // CPython's io.DEFAULT_BUFFER_SIZE since 3.15

bool has(std::string_view mode, char letter) { return mode.find(letter) != std::string_view::npos; }

void check_letters(std::string_view mode) {
  for (std::size_t i = 0; i < mode.size(); ++i) {
    const bool known = has("rwxabt+", mode[i]);
    if (!known || mode.find(mode[i], i + 1) != std::string_view::npos) {
      throw ValueError("invalid mode: '" + std::string(mode) + "'");
    }
  }
  if (has(mode, 't') && has(mode, 'b')) throw ValueError("can't have text and binary mode at once");
  const auto ways = std::count_if(mode.begin(), mode.end(), [](char c) { return has("rwxa", c); });
  if (ways > 1) throw ValueError("must have exactly one of create/read/write/append mode");
  if (ways == 0) {
    throw ValueError("Must have exactly one of create/read/write/append mode and at most one plus");
  }
}

void check_encoding(std::string_view encoding) {
  std::string name;
  for (const char c : encoding) {
    if (c != '-' && c != '_') {
      name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  if (name == "utf8") return;
  throw LookupError("unknown encoding: " + std::string(encoding) + " (files are utf-8 here)");
}

TextErrors errors_named(std::string_view name) {
  if (name == "strict") return TextErrors::strict;
  if (name == "replace") return TextErrors::replace;
  if (name == "ignore") return TextErrors::ignore;
  throw LookupError("unknown error handler name '" + std::string(name) + "'");
}

Newline newline_named(std::string_view text) {
  if (text.empty()) return Newline::universal;
  if (text == "\n") return Newline::lf;
  if (text == "\r") return Newline::cr;
  if (text == "\r\n") return Newline::crlf;
  throw ValueError("illegal newline value: " + std::string(text));
}

void take_text_options(const files::OpenOptions& options, OpenMode& out) {
  if (options.encoding) check_encoding(*options.encoding);
  if (options.errors) out.errors = errors_named(*options.errors);
  if (options.newline) out.newline = newline_named(*options.newline);
  if (options.buffering == 0) throw ValueError("can't have unbuffered text I/O");
  out.line_buffering = options.buffering == 1;
}

void refuse_text_options(const files::OpenOptions& options) {
  if (options.encoding) throw ValueError("binary mode doesn't take an encoding argument");
  if (options.errors) throw ValueError("binary mode doesn't take an errors argument");
  if (options.newline) throw ValueError("binary mode doesn't take a newline argument");
}

}  // namespace

OpenMode parse_mode(std::string_view mode, const files::OpenOptions& options) {
  check_letters(mode);
  OpenMode out;
  const bool both = has(mode, '+');
  out.append = has(mode, 'a');
  out.readable = both || has(mode, 'r');
  out.writable = both || !has(mode, 'r');
  out.text = !has(mode, 'b');
  out.flags = both ? O_RDWR : out.writable ? O_WRONLY : O_RDONLY;
  if (has(mode, 'w')) out.flags |= O_CREAT | O_TRUNC;
  if (has(mode, 'x')) out.flags |= O_CREAT | O_EXCL;
  if (out.append) out.flags |= O_CREAT | O_APPEND;
  if (out.text) {
    take_text_options(options, out);
  } else {
    refuse_text_options(options);
  }
  const bool usual = options.buffering < 0 || options.buffering == 1;
  out.buffer_size = usual ? kDefaultBuffer : static_cast<std::size_t>(options.buffering);
  return out;
}

}  // namespace asyncio::detail
