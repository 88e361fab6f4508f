// Certificates and keys, from PEM into a context.
#include <openssl/pem.h>
#include <openssl/pemerr.h>
#include <openssl/x509v3.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "asyncio/base/error.hpp"
#include "tls/certificate.hpp"
#include "tls/context_state.hpp"

namespace asyncio::tls {

namespace {

constexpr const char* kOperation = "load_cert_chain";

struct Password {
  std::string_view text;
  bool asked = false;
};

int give_password(char* buffer, int size, int, void* data) {
  auto* password = static_cast<Password*>(data);
  password->asked = true;
  if (password->text.empty() || password->text.size() > static_cast<std::size_t>(size)) return -1;
  std::memcpy(buffer, password->text.data(), password->text.size());
  return static_cast<int>(password->text.size());
}

[[noreturn]] void refuse(const char* reason, std::string_view file, const std::string& text) {
  ERR_clear_error();
  throw ssl::SSLError("SSL", reason, std::string(kOperation) + " " + std::string(file), text);
}

std::vector<X509Ptr> read_chain(std::string_view pem, std::string_view file) {
  const Bio bio = read_from(pem);
  std::vector<X509Ptr> chain;
  ERR_clear_error();
  while (X509Ptr next{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    chain.push_back(std::move(next));
  }
  const unsigned long error = ERR_peek_last_error();
  const bool at_end =
      ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  if (chain.empty() && at_end) {
    refuse("NO_CERTIFICATE", file,
           "there is no certificate in it; it should have a part that begins with "
           "-----BEGIN CERTIFICATE-----");
  }
  if (!at_end) {
    throw_failure(std::string(kOperation) + " " + std::string(file),
                  "a certificate in it is broken");
  }
  ERR_clear_error();
  return chain;
}

KeyPtr read_key(std::string_view pem, std::string_view file, std::string_view password_text) {
  const Bio bio = read_from(pem);
  Password password{password_text};
  ERR_clear_error();
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, &give_password, &password));
  if (key) return key;
  if (password.asked && password_text.empty()) {
    refuse("ENCRYPTED_KEY", file, "its private key is encrypted: give the password");
  }
  if (password.asked) refuse("BAD_PASSWORD", file, "the password is not that of its private key");
  refuse("NO_PRIVATE_KEY", file,
         "there is no private key in it; it should have a part that begins with "
         "-----BEGIN PRIVATE KEY-----, or give its own file as keyfile");
}

}  // namespace

void ContextState::load_cert_chain(std::string_view certificates, std::string_view certfile,
                                   std::string_view key_pem, std::string_view keyfile,
                                   const ssl::LoadCertOptions& how) {
  const std::vector<X509Ptr> chain = read_chain(certificates, certfile);
  const KeyPtr key = read_key(key_pem, keyfile, how.password);
  X509* const leaf = chain.front().get();
  if (X509_check_private_key(leaf, key.get()) != 1) {
    refuse("KEY_VALUES_MISMATCH", keyfile,
           "its private key is not that of the first certificate in " + std::string(certfile) +
               " (" + name_text(X509_get_subject_name(leaf)) + ")");
  }
  if (!how.allow_expired && X509_cmp_current_time(X509_get0_notAfter(leaf)) < 0) {
    refuse("CERTIFICATE_EXPIRED", certfile,
           "the certificate was valid until " + time_text(X509_get0_notAfter(leaf)) +
               "; nobody will accept it (allow_expired takes it all the same)");
  }
  const std::string context = std::string(kOperation) + " " + std::string(certfile);
  if (SSL_CTX_use_certificate(&get(), leaf) != 1) throw_failure(context);
  if (SSL_CTX_use_PrivateKey(&get(), key.get()) != 1) throw_failure(context);
  SSL_CTX_clear_chain_certs(&get());
  for (std::size_t i = 1; i < chain.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(&get(), chain[i].get()) != 1) throw_failure(context);
  }
  changed();
}

void ContextState::load_verify_data(std::string_view cadata) {
  const Bio bio = read_from(cadata);
  ERR_clear_error();
  STACK_OF(X509_INFO)* parts = PEM_X509_INFO_read_bio(bio.get(), nullptr, nullptr, nullptr);
  if (parts == nullptr) throw_failure("load_verify_locations", "cadata is broken");
  X509_STORE* store = SSL_CTX_get_cert_store(&get());
  int added = 0;
  for (int i = 0; i < sk_X509_INFO_num(parts); ++i) {
    const X509_INFO* part = sk_X509_INFO_value(parts, i);
    if (part->x509 != nullptr) added += X509_STORE_add_cert(store, part->x509);
    if (part->crl != nullptr) added += X509_STORE_add_crl(store, part->crl);
  }
  sk_X509_INFO_pop_free(parts, X509_INFO_free);
  ERR_clear_error();
  if (added == 0) {
    throw ssl::SSLError("X509", "NO_CERTIFICATE_OR_CRL_FOUND", "load_verify_locations",
                        "there is no certificate in cadata");
  }
  changed();
}

}  // namespace asyncio::tls
