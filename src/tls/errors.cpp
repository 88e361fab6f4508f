#include "asyncio/tls/errors.hpp"

#include <cerrno>

namespace asyncio::ssl {

namespace {

std::string verification_text(const std::string& message, std::string_view advice) {
  std::string text = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: " + message;
  if (!advice.empty()) text.append("; ").append(advice);
  return text;
}

}  // namespace

SSLError::SSLError(std::string library, std::string reason, std::string_view context,
                   std::string_view text)
    : OSError(EPROTO, context, text), library_(std::move(library)), reason_(std::move(reason)) {}

SSLCertVerificationError::SSLCertVerificationError(std::string_view context, int verify_code,
                                                   std::string verify_message,
                                                   std::string_view advice)
    : SSLError("SSL", "CERTIFICATE_VERIFY_FAILED", context,
               verification_text(verify_message, advice)),
      verify_code_(verify_code),
      verify_message_(std::move(verify_message)) {}

SSLWantReadError::SSLWantReadError()
    : SSLError("SSL", "WANT_READ", "SSLObject", "The operation did not complete (read)") {}

SSLZeroReturnError::SSLZeroReturnError()
    : SSLError("SSL", "ZERO_RETURN", "SSLObject", "TLS/SSL connection has been closed (EOF)") {}

}  // namespace asyncio::ssl
