// A certificate for `asyncio serve --tls`, made on the spot.
#pragma once

#include <string>

namespace asyncio::tool {

struct SelfSigned {
  std::string pem;          // private key and certificate
  std::string fingerprint;  // SHA-256 of the certificate, "AB:CD:..."
};

/// Good for `host`, localhost and the loopback addresses, for 30 days; the key is new each time.
/// Errors: ToolError.
SelfSigned make_self_signed(const std::string& host);

}  // namespace asyncio::tool
