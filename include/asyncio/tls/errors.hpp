// What TLS can fail with. Python: the exceptions of its module ssl.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "asyncio/base/error.hpp"

namespace asyncio::ssl {

/// TLS has failed. what() is "TLS handshake with example.com:443: [SSL: WRONG_VERSION_NUMBER] wrong
/// version number; ..." and goes on with the likely cause and what to do. error() is EPROTO.
/// Python: ssl.SSLError.
class SSLError : public OSError {
 public:
  /// `context` is the operation and its subject.
  SSLError(std::string library, std::string reason, std::string_view context,
           std::string_view text);

  /// The part of OpenSSL that noticed: "SSL", "X509", "PEM". Python: SSLError.library.
  [[nodiscard]] const std::string& library() const noexcept { return library_; }
  /// "CERTIFICATE_VERIFY_FAILED". Python: SSLError.reason.
  [[nodiscard]] const std::string& reason() const noexcept { return reason_; }

 private:
  std::string library_;
  std::string reason_;
};

/// The peer's certificate is not to be trusted. Python: ssl.SSLCertVerificationError (there also a
/// ValueError, and known as ssl.CertificateError).
class SSLCertVerificationError : public SSLError {
 public:
  SSLCertVerificationError(std::string_view context, int verify_code, std::string verify_message,
                           std::string_view advice);

  /// OpenSSL's number, X509_V_ERR_...: 10 expired, 18 self-signed, 62 wrong host name. Python:
  /// SSLCertVerificationError.verify_code.
  [[nodiscard]] int verify_code() const noexcept { return verify_code_; }
  /// In words: "certificate has expired". Python: SSLCertVerificationError.verify_message.
  [[nodiscard]] const std::string& verify_message() const noexcept { return verify_message_; }

 private:
  int verify_code_;
  std::string verify_message_;
};

using CertificateError = SSLCertVerificationError;

/// The connection ended without the farewell that TLS asks for: what came before may have been cut
/// off by anybody on the way. Python: ssl.SSLEOFError.
class SSLEOFError : public SSLError {
 public:
  using SSLError::SSLError;
};

/// It cannot go on before more has come: thrown by SSLObject alone, streams wait. Python:
/// ssl.SSLWantReadError.
class SSLWantReadError : public SSLError {
 public:
  SSLWantReadError();
};

/// The connection has been ended, in order: thrown by SSLObject alone. Python:
/// ssl.SSLZeroReturnError.
class SSLZeroReturnError : public SSLError {
 public:
  SSLZeroReturnError();
};

}  // namespace asyncio::ssl
