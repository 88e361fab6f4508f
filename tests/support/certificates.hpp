// Certificates made in memory, good and bad. Names no TLS library: whoever tests with TLS uses it.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace asyncio::test {

/// What a certificate says. As it is: good for a server of no name yet.
struct CertificateOptions {
  std::string common_name = "test";
  std::string alternative_names = {};             ///< "DNS:example.com,IP:192.0.2.1"; empty: none
  std::string usage = "serverAuth";               ///< extendedKeyUsage; empty: not restricted
  std::string constraints = "critical,CA:FALSE";  ///< basicConstraints; empty: none
  std::string key_usage = "digitalSignature";     ///< empty: none
  std::string name_constraints = {};              ///< "permitted;DNS:example.com"
  std::string digest = "SHA256";                  ///< what it is signed with
  int rsa_bits = 0;                               ///< 0: a key on the curve P-256
  int valid_from_days = -1;                       ///< from now
  int valid_until_days = 365;
};

/// A certificate and its private key. A copy is a handle to the same one.
class Certificate {
 public:
  /// Signed by `issuer`, or by itself.
  explicit Certificate(const CertificateOptions& options, const Certificate* issuer = nullptr);

  [[nodiscard]] const std::string& pem() const noexcept { return pem_; }
  [[nodiscard]] const std::string& key_pem() const noexcept { return key_pem_; }
  /// The private key, encrypted.
  [[nodiscard]] std::string key_pem(const std::string& password) const;
  /// In PEM: the list of those of its certificates that it has revoked.
  [[nodiscard]] std::string revoke(const std::vector<Certificate>& revoked) const;

 private:
  struct State;

  std::shared_ptr<State> state_;
  std::string pem_;
  std::string key_pem_;
};

/// Options of a certificate that signs others.
CertificateOptions authority_options(const std::string& common_name);

}  // namespace asyncio::test
