#include "tls/openssl.hpp"

#include <cctype>
#include <new>

#include "asyncio/base/error.hpp"
#include "asyncio/tls/errors.hpp"

namespace asyncio::tls {

namespace {

// The names that Python gives them.
const char* name_of(int library) noexcept {
  switch (library) {
    case ERR_LIB_SSL:
      return "SSL";
    case ERR_LIB_X509:
    case ERR_LIB_X509V3:
      return "X509";
    case ERR_LIB_PEM:
      return "PEM";
    case ERR_LIB_ASN1:
      return "ASN1";
    case ERR_LIB_EVP:
      return "EVP";
    case ERR_LIB_RSA:
      return "RSA";
    case ERR_LIB_EC:
      return "EC";
    case ERR_LIB_PROV:
      return "PROV";
    default:
      return "OPENSSL";
  }
}

// OpenSSL's text of a reason is its symbol in small letters, nearly always.
std::string symbol_of(std::string_view words) {
  std::string symbol(words);
  for (char& c : symbol) {
    c = std::isalnum(static_cast<unsigned char>(c)) != 0
            ? static_cast<char>(std::toupper(static_cast<unsigned char>(c)))
            : '_';
  }
  return symbol;
}

}  // namespace

std::string Failure::text() const { return "[" + library + ": " + reason + "] " + words; }

Failure take_failure() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  Failure failure;
  if (code == 0) {
    failure.library = "SSL";
    failure.words = "unknown error";
  } else if (ERR_SYSTEM_ERROR(code)) {
    failure.library = "SYS";
    failure.words = "a system call failed";
  } else {
    failure.library_code = ERR_GET_LIB(code);
    failure.reason_code = ERR_GET_REASON(code);
    failure.library = name_of(failure.library_code);
    const char* words = ERR_reason_error_string(code);
    failure.words = words != nullptr ? words : "reason " + std::to_string(failure.reason_code);
  }
  failure.reason = symbol_of(failure.words);
  return failure;
}

void throw_failure(std::string_view context, std::string_view advice) {
  Failure failure = take_failure();
  if (failure.reason_code == ERR_R_MALLOC_FAILURE) throw std::bad_alloc();
  std::string text = failure.text();
  if (!advice.empty()) text.append("; ").append(advice);
  throw ssl::SSLError(std::move(failure.library), std::move(failure.reason), context, text);
}

Bio read_from(std::string_view text) {
  Bio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  if (!bio) throw std::bad_alloc();
  return bio;
}

}  // namespace asyncio::tls
