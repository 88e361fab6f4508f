// Base64 (RFC 4648 section 4), as Basic authentication needs it.
#pragma once

#include <string>
#include <string_view>

namespace asyncio::http {

/// "dXNlcjpwYXNz" of "user:pass". Python: base64.b64encode.
[[nodiscard]] std::string base64(std::string_view bytes);

}  // namespace asyncio::http
