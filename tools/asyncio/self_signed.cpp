#include "tools/asyncio/self_signed.hpp"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <array>
#include <cstdio>
#include <memory>

#include "tools/asyncio/errors.hpp"

namespace asyncio::tool {
namespace {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<&EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<&X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freed<&X509_EXTENSION_free>>;
using Memory = std::unique_ptr<BIO, Freed<&BIO_free_all>>;

void check(bool ok, const char* what) {
  if (ok) return;
  std::array<char, 256> reason{};
  ERR_error_string_n(ERR_get_error(), reason.data(), reason.size());
  throw ToolError(std::string("cannot make a certificate: ") + what + ": " + reason.data());
}

std::string alternative_names(const std::string& host) {
  std::string names = "DNS:localhost,IP:127.0.0.1,IP:::1";
  std::array<unsigned char, sizeof(in6_addr)> address{};
  const bool is_address = ::inet_pton(AF_INET, host.c_str(), address.data()) == 1 ||
                          ::inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
  const bool usual = host.empty() || host == "localhost" || host == "127.0.0.1" || host == "::1";
  if (!usual) names += (is_address ? ",IP:" : ",DNS:") + host;
  return names;
}

void add_extension(X509* certificate, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  check(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1, value.c_str());
}

Certificate make_certificate(EVP_PKEY* key, const std::string& host) {
  constexpr long kMonth = 30L * 24 * 3600;
  Certificate certificate(X509_new());
  X509* made = certificate.get();
  std::uint64_t serial = 0;
  check(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1, "random");
  X509_set_version(made, X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(made), serial >> 1);
  X509_gmtime_adj(X509_getm_notBefore(made), -3600);  // clocks differ
  X509_gmtime_adj(X509_getm_notAfter(made), kMonth);
  X509_set_pubkey(made, key);
  X509_NAME* name = X509_get_subject_name(made);
  const auto* text = reinterpret_cast<const unsigned char*>("asyncio serve");
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0);
  X509_set_issuer_name(made, name);
  add_extension(made, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
  add_extension(made, NID_key_usage, "critical,digitalSignature,keyCertSign");
  add_extension(made, NID_ext_key_usage, "serverAuth");
  add_extension(made, NID_subject_alt_name, alternative_names(host));
  add_extension(made, NID_subject_key_identifier, "hash");
  check(X509_sign(made, key, EVP_sha256()) > 0, "sign");
  return certificate;
}

std::string fingerprint_of(const X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  check(X509_digest(certificate, EVP_sha256(), digest.data(), &size) == 1, "digest");
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    std::array<char, 4> pair{};
    std::snprintf(pair.data(), pair.size(), i == 0 ? "%02X" : ":%02X", digest[i]);
    text += pair.data();
  }
  return text;
}

}  // namespace

SelfSigned make_self_signed(const std::string& host) {
  const Key key(EVP_EC_gen("P-256"));
  check(key != nullptr, "key");
  const Certificate certificate = make_certificate(key.get(), host);
  const Memory memory(BIO_new(BIO_s_mem()));
  check(PEM_write_bio_PrivateKey(memory.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) ==
                1 &&
            PEM_write_bio_X509(memory.get(), certificate.get()) == 1,
        "PEM");
  char* text = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &text);
  return {std::string(text, static_cast<std::size_t>(size)), fingerprint_of(certificate.get())};
}

}  // namespace asyncio::tool
