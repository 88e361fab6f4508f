// Text in other charsets, as UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace asyncio::http {

/// `bytes` in `charset` (a name as in Content-Type, any case) as UTF-8. UTF-8 and an empty name
/// pass as they are, without a byte order mark. Errors: ValueError for an unknown charset, or bytes
/// that are not text in it.
std::string to_utf8(std::string bytes, std::string_view charset);

}  // namespace asyncio::http
