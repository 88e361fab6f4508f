// The host of a URL: the one part where two readings are a security hole.
#pragma once

#include <string>
#include <string_view>

namespace asyncio::http {

struct UrlHost {
  std::string text;  // lower-case ASCII; an IPv6 address in brackets
  bool ip = false;
};

/// Normalises the host as it stands in a URL: escapes undone, IDNA applied, case lowered, an IPv6
/// address in its shortest form. An address must be canonical: what only some readers take for an
/// address ("127.1", "0x7f000001") is refused, as is what cannot be looked up.
/// Returns what is wrong in `problem` ("contains a space"), "" when nothing is.
[[nodiscard]] UrlHost normalize_host(std::string_view raw, std::string& problem);

}  // namespace asyncio::http
