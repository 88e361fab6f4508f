// Finds the end of a head in bytes that arrive in pieces, and refuses what cannot become one.
//
// Works line by line, so that a hopeless head is refused when its line is complete, not when a
// blank line that never comes would end it. Every check looks only at bytes up to the offence: the
// verdict is the same however the bytes were cut.
#pragma once

#include <cstddef>
#include <string_view>

#include "http/http1_parser.hpp"

namespace asyncio::http {

class HeadScan {
 public:
  enum class Role { server, client };
  enum class Found { more, end, error };

  void reset(Role role) noexcept { *this = HeadScan(role); }
  explicit HeadScan(Role role = Role::server) : role_(role) {}

  /// Looks on in `text`, which holds the message from its first byte and has grown since the last
  /// call. Never looks beyond limits.head bytes.
  Found scan(std::string_view text, const ParserLimits& limits) noexcept;

  /// After end: the size of the head, with its blank line.
  [[nodiscard]] std::size_t size() const noexcept { return line_; }
  /// After end: lines between the first and the blank one; continuation lines count.
  [[nodiscard]] std::size_t field_lines() const noexcept { return lines_ < 2 ? 0 : lines_ - 2; }
  /// Client: lines end with LF alone, so that the head has to be repaired before it can be parsed.
  [[nodiscard]] bool bare_lf() const noexcept { return bare_lf_; }

  /// After error.
  [[nodiscard]] ParseErrorKind error() const noexcept { return error_; }
  [[nodiscard]] std::size_t error_at() const noexcept { return error_at_; }
  [[nodiscard]] const char* error_text() const noexcept { return error_text_; }

 private:
  Found fail(ParseErrorKind kind, std::size_t at, const char* text) noexcept;
  bool check_start(std::string_view text) noexcept;
  bool check_bare_cr(std::string_view text, std::size_t end) noexcept;
  bool check_line(std::string_view text, std::size_t line_feed) noexcept;
  bool check_request_line(std::string_view line) noexcept;

  Role role_;
  bool bare_lf_ = false;
  std::size_t line_ = 0;     // start of the line being read
  std::size_t scanned_ = 0;  // no LF before this
  std::size_t lines_ = 0;    // complete lines
  ParseErrorKind error_ = ParseErrorKind::none;
  std::size_t error_at_ = 0;
  const char* error_text_ = "";
};

}  // namespace asyncio::http
