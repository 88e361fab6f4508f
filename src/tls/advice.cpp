#include "tls/advice.hpp"

#include <openssl/sslerr.h>

#include <algorithm>
#include <array>

#include "tls/certificate.hpp"

namespace asyncio::tls {

namespace {

struct Advice {
  int reason;
  const char* text;
};

// What a peer says when it breaks off (its alert), or what OpenSSL itself stumbles over.
constexpr std::array kAdvice{
    Advice{SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,
           "the peer found nothing in common: a cipher, a version, or a certificate it asks for"},
    Advice{SSL_R_NO_SHARED_CIPHER,
           "no cipher in common; a server without a certificate has none: load_cert_chain()"},
    Advice{SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM,
           "the certificate's kind of key is not one that the peer takes"},
    Advice{SSL_R_TLSV1_ALERT_UNKNOWN_CA,
           "the peer does not trust who signed our certificate; are those between it and the root "
           "in the file of load_cert_chain()?"},
    Advice{SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "the peer refuses our certificate"},
    Advice{SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, "the peer refuses our certificate"},
    Advice{SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, "our certificate has expired, the peer says"},
    Advice{SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED,
           "the server wants a certificate of the client: load_cert_chain()"},
    Advice{SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE,
           "the client has shown no certificate, which verify_mode demands"},
    Advice{SSL_R_TLSV1_UNRECOGNIZED_NAME, "the server does not know the name it was asked for"},
    Advice{SSL_R_TLSV1_ALERT_PROTOCOL_VERSION,
           "the peer takes none of our versions: see minimum_version and maximum_version"},
    Advice{SSL_R_UNSUPPORTED_PROTOCOL,
           "the peer's version is not allowed: see minimum_version and maximum_version"},
    Advice{SSL_R_VERSION_TOO_LOW,
           "the peer's version is not allowed: see minimum_version and maximum_version"},
    Advice{SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, "the bytes were changed on their way"},
    Advice{SSL_R_SSLV3_ALERT_BAD_RECORD_MAC, "the peer says that bytes were changed on their way"},
    Advice{SSL_R_DH_KEY_TOO_SMALL, "the peer's key exchange is too weak to be safe"},
    Advice{SSL_R_TLSV1_ALERT_DECRYPT_ERROR, "the peer could not verify what we have signed"},
};

bool looks_like_text(std::string_view first) noexcept {
  return first.size() >= 3 &&
         std::all_of(first.begin(), first.begin() + 3, [](char c) { return c >= ' ' && c <= '~'; });
}

std::string not_tls(std::string_view first, bool server_side) {
  std::string shown(first);
  std::replace_if(shown.begin(), shown.end(), [](char c) { return c < ' ' || c > '~'; }, ' ');
  shown.erase(shown.find_last_not_of(' ') + 1);
  std::string text = "the peer does not speak TLS, it began with \"" + shown + "\"; ";
  if (server_side) {
    text += "a client of plain http:// that should use https://?";
  } else {
    text += "is this the port of plain http:// or of a protocol that begins in clear (STARTTLS)?";
  }
  return text;
}

std::string mismatch(X509* certificate, bool server_side) {
  const std::string names = certificate != nullptr ? names_text(*certificate) : std::string();
  if (server_side) return {};
  if (names.empty()) {
    return "it names no host at all (a common name does not count); the server needs a certificate "
           "with subjectAltName";
  }
  constexpr std::size_t kMost = 300;
  std::string shown = names.substr(0, kMost);
  if (names.size() > kMost) shown += "...";
  return "it is for " + shown + "; if the server is the right one, give server_hostname";
}

std::string issuer_advice(X509* certificate) {
  const std::string issuer =
      certificate != nullptr ? name_text(X509_get_issuer_name(certificate)) : "an unknown issuer";
  return "signed by " + issuer +
         ", whom we do not know: load its certificate with load_verify_locations(), or the server "
         "does not send those in between; if no certificate is ever accepted, is the package "
         "ca-certificates installed?";
}

}  // namespace

bool looks_like_http(std::string_view first) noexcept {
  const auto* end =
      std::find_if_not(first.begin(), first.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  return end - first.begin() >= 3 && (end == first.end() || *end == ' ');
}

std::string advise(const Failure& failure, std::string_view first, bool server_side) {
  if (looks_like_text(first)) return not_tls(first, server_side);
  if (failure.library_code != ERR_LIB_SSL) return {};
  const auto* found = std::find_if(kAdvice.begin(), kAdvice.end(), [&](const Advice& one) {
    return one.reason == failure.reason_code;
  });
  return found == kAdvice.end() ? std::string() : found->text;
}

CertificateFault explain(int code, X509* certificate, std::string_view expected, bool is_address,
                         bool server_side) {
  CertificateFault fault{X509_verify_cert_error_string(code), {}};
  const std::string name(expected);
  switch (code) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      fault.message = (is_address ? "IP address mismatch, certificate is not valid for '"
                                  : "Hostname mismatch, certificate is not valid for '") +
                      name + "'.";
      fault.advice = mismatch(certificate, server_side);
      break;
    case X509_V_ERR_CERT_HAS_EXPIRED:
      if (certificate == nullptr) break;
      fault.advice = "it was valid until " + time_text(X509_get0_notAfter(certificate)) + ": " +
                     name_text(X509_get_subject_name(certificate));
      break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      if (certificate == nullptr) break;
      fault.advice = "it is valid from " + time_text(X509_get0_notBefore(certificate)) +
                     ": is the clock of this machine right?";
      break;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      fault.advice = "nobody we trust has signed it; if it is yours, load_verify_locations() it";
      break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      fault.advice = issuer_advice(certificate);
      break;
    case X509_V_ERR_INVALID_PURPOSE:
      fault.advice = server_side ? "it is not meant for a client (extendedKeyUsage)"
                                 : "it is not meant for a server (extendedKeyUsage)";
      break;
    case X509_V_ERR_UNABLE_TO_GET_CRL:
      fault.advice = "verify_flags ask for a list of revoked certificates, and none is loaded";
      break;
    default:
      break;
  }
  return fault;
}

}  // namespace asyncio::tls
