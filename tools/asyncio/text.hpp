// Text on its way into something that would misread it: a terminal, JSON, HTML, CSV, an error line.
// Names and addresses come from users and servers, so everything that leaves the tool passes here.
#pragma once

#include <string>
#include <string_view>

namespace asyncio::tool {

/// Control bytes, escape sequences and bytes that are not UTF-8 become "\x1b": safe on a terminal.
std::string escape_controls(std::string_view text);

/// In single quotes, escaped, and cut after 80 columns: for error texts that repeat what was typed.
std::string quote(std::string_view text);

/// A JSON string with its quotes. Also safe inside an HTML <script>: '<', '>' and '&' are escaped,
/// so that "</script>" cannot end the block. Bytes that are not UTF-8 become U+FFFD.
std::string json_string(std::string_view text);

/// For HTML text and double-quoted attributes.
std::string html_escape(std::string_view text);

/// One CSV field as in RFC 4180: quoted only when it holds a comma, a quote or a line break.
std::string csv_field(std::string_view text);

/// Columns on a terminal: code points, with combining marks counted as none and CJK as two.
std::size_t display_width(std::string_view text);

/// The longest beginning that fits into `columns`, ending in "…" when something was cut.
std::string fit(std::string_view text, std::size_t columns);

}  // namespace asyncio::tool
