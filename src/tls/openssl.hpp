// OpenSSL's objects as values that free themselves, and its queue of errors as exceptions.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <exception>
#include <memory>
#include <string>
#include <string_view>

namespace asyncio::tls {

template <auto kFree>
struct FreeWith {
  template <class T>
  void operator()(T* object) const noexcept {
    kFree(object);
  }
};

using Ssl = std::unique_ptr<SSL, FreeWith<&SSL_free>>;
using SslCtx = std::unique_ptr<SSL_CTX, FreeWith<&SSL_CTX_free>>;
using Session = std::unique_ptr<SSL_SESSION, FreeWith<&SSL_SESSION_free>>;
using Bio = std::unique_ptr<BIO, FreeWith<&BIO_free_all>>;
using X509Ptr = std::unique_ptr<X509, FreeWith<&X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeWith<&EVP_PKEY_free>>;

/// What OpenSSL has to say of its last failure in this thread.
struct Failure {
  std::string library;  // "SSL"
  std::string reason;   // "WRONG_VERSION_NUMBER"
  std::string words;    // "wrong version number"
  int library_code = 0;
  int reason_code = 0;

  /// "[SSL: WRONG_VERSION_NUMBER] wrong version number".
  [[nodiscard]] std::string text() const;
};

/// Before a call whose failure will be looked at: the thread's queue may hold those of others.
/// Clearing it costs ten times as much as a look at it, which finds it empty.
inline void forget_failures() noexcept {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

/// Takes the newest failure and forgets the others.
Failure take_failure();

/// Throws SSLError: "context: [SSL: REASON] reason; advice".
[[noreturn]] void throw_failure(std::string_view context, std::string_view advice = {});

/// A BIO that reads `text`, which must outlive it.
Bio read_from(std::string_view text);

}  // namespace asyncio::tls
