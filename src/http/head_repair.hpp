// Makes a valid response head of one that real servers send and the RFC does not allow.
//
// Repairs: LF for CRLF, no space after the status, spaces too many in the status line, an unknown
// minor version, "ICY", continuation lines, spaces before the colon, lines that are no field
// (dropped), control bytes in values (become spaces), an equal Content-Length repeated, a
// Content-Length beside chunked (dropped), Transfer-Encoding: identity (dropped), a Connection
// field that is not a list of tokens (dropped). Leaves alone, so that parsing fails: NUL, lengths
// that differ or are no numbers, other codings.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace asyncio::http {

/// `head` is everything up to and with the blank line. nullopt when nothing can be done.
[[nodiscard]] std::optional<std::string> repair_response_head(std::string_view head);

}  // namespace asyncio::http
