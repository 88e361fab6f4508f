#include "support/certificates.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <stdexcept>

namespace asyncio::test {

namespace {

constexpr long kDay = 24L * 60 * 60;

template <class T>
T* made(T* object) {
  if (object == nullptr) throw std::runtime_error("OpenSSL could not make a test's certificate");
  return object;
}

void check(bool ok) {
  if (!ok) throw std::runtime_error("OpenSSL could not fill a test's certificate");
}

template <class Write>
std::string pem_of(Write write) {
  BIO* bio = made(BIO_new(BIO_s_mem()));
  check(write(bio) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return text;
}

EVP_PKEY* make_key(int rsa_bits) {
  return made(rsa_bits > 0 ? EVP_RSA_gen(static_cast<unsigned>(rsa_bits)) : EVP_EC_gen("P-256"));
}

void add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  if (value.empty()) return;
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = made(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  check(X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

}  // namespace

struct Certificate::State {
  X509* certificate = made(X509_new());
  EVP_PKEY* key = nullptr;

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
};

Certificate::Certificate(const CertificateOptions& options, const Certificate* issuer)
    : state_(std::make_shared<State>()) {
  state_->key = make_key(options.rsa_bits);
  X509* const certificate = state_->certificate;
  const State& signer = issuer != nullptr ? *issuer->state_ : *state_;
  static long serial = 1000;
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), options.valid_from_days * kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate), options.valid_until_days * kDay);
  X509_set_pubkey(certificate, state_->key);
  X509_NAME* name = X509_get_subject_name(certificate);
  check(X509_NAME_add_entry_by_txt(
            name, "CN", MBSTRING_UTF8,
            reinterpret_cast<const unsigned char*>(options.common_name.c_str()), -1, -1, 0) == 1);
  X509_set_issuer_name(certificate, X509_get_subject_name(signer.certificate));

  X509* const by = signer.certificate;
  add_extension(certificate, by, NID_subject_key_identifier, "hash");
  add_extension(certificate, by, NID_authority_key_identifier, "keyid:always");
  add_extension(certificate, by, NID_basic_constraints, options.constraints);
  add_extension(certificate, by, NID_key_usage, options.key_usage);
  add_extension(certificate, by, NID_ext_key_usage, options.usage);
  add_extension(certificate, by, NID_subject_alt_name, options.alternative_names);
  add_extension(certificate, by, NID_name_constraints, options.name_constraints);
  check(X509_sign(certificate, signer.key, EVP_get_digestbyname(options.digest.c_str())) > 0);

  pem_ = pem_of([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
  key_pem_ = pem_of([&](BIO* bio) {
    return PEM_write_bio_PrivateKey(bio, state_->key, nullptr, nullptr, 0, nullptr, nullptr);
  });
}

std::string Certificate::key_pem(const std::string& password) const {
  return pem_of([&](BIO* bio) {
    return PEM_write_bio_PrivateKey(bio, state_->key, EVP_aes_256_cbc(),
                                    reinterpret_cast<const unsigned char*>(password.data()),
                                    static_cast<int>(password.size()), nullptr, nullptr);
  });
}

std::string Certificate::revoke(const std::vector<Certificate>& revoked) const {
  X509_CRL* list = made(X509_CRL_new());
  X509_CRL_set_version(list, X509_CRL_VERSION_2);
  X509_CRL_set_issuer_name(list, X509_get_subject_name(state_->certificate));
  ASN1_TIME* time = made(X509_gmtime_adj(nullptr, -kDay));
  X509_CRL_set1_lastUpdate(list, time);
  X509_gmtime_adj(time, 30 * kDay);
  X509_CRL_set1_nextUpdate(list, time);
  X509_gmtime_adj(time, -kDay);
  for (const Certificate& one : revoked) {
    X509_REVOKED* entry = made(X509_REVOKED_new());
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(one.state_->certificate));
    X509_REVOKED_set_revocationDate(entry, time);
    X509_CRL_add0_revoked(list, entry);
  }
  ASN1_TIME_free(time);
  X509V3_CTX context;
  X509V3_set_ctx(&context, state_->certificate, nullptr, nullptr, list, 0);
  X509_EXTENSION* identifier =
      made(X509V3_EXT_conf_nid(nullptr, &context, NID_authority_key_identifier, "keyid:always"));
  X509_CRL_add_ext(list, identifier, -1);
  X509_EXTENSION_free(identifier);
  ASN1_INTEGER* number = made(ASN1_INTEGER_new());
  ASN1_INTEGER_set(number, 1);
  X509_CRL_add1_ext_i2d(list, NID_crl_number, number, 0, 0);
  ASN1_INTEGER_free(number);
  X509_CRL_sort(list);
  check(X509_CRL_sign(list, state_->key, EVP_sha256()) > 0);
  std::string pem = pem_of([&](BIO* bio) { return PEM_write_bio_X509_CRL(bio, list); });
  X509_CRL_free(list);
  return pem;
}

CertificateOptions authority_options(const std::string& common_name) {
  CertificateOptions options;
  options.common_name = common_name;
  options.usage = "";
  options.constraints = "critical,CA:TRUE";
  options.key_usage = "critical,keyCertSign,cRLSign";
  return options;
}

}  // namespace asyncio::test
