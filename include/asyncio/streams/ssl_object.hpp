// What a connection over TLS can tell of it. Row 5 knows how; here are the questions and the plain
// data of the answers, so that whoever has a stream can ask without knowing the TLS library.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace asyncio {

/// What protects the bytes. Python: SSLObject.cipher, a tuple.
struct SSLCipher {
  std::string name;      ///< "TLS_AES_256_GCM_SHA384"
  std::string protocol;  ///< the version that introduced it: "TLSv1.3"
  int secret_bits = 0;
};

/// A verified certificate. Names of attributes are OpenSSL's long ones, as in Python's dict.
/// Python: what SSLObject.getpeercert gives.
struct SSLCertificate {
  using Names = std::vector<std::pair<std::string, std::string>>;

  Names subject;           ///< {"commonName", "example.com"}, in the certificate's order
  Names issuer;            ///< likewise
  Names subject_alt_name;  ///< {"DNS", "example.com"}, {"IP Address", "192.0.2.1"}
  std::string serial_number;
  std::string not_before;  ///< "Jan  5 09:34:43 2018 GMT"
  std::string not_after;
  int version = 3;
};

/// One side of a TLS connection. Loop thread only; lives as long as its connection. Python:
/// ssl.SSLObject, as get_extra_info('ssl_object') gives it.
class SSLObject {
 public:
  virtual ~SSLObject() = default;

  /// "TLSv1.3"; empty before the handshake. Python: SSLObject.version.
  [[nodiscard]] virtual std::string version() const = 0;
  /// Empty before the handshake. Python: SSLObject.cipher.
  [[nodiscard]] virtual std::optional<SSLCipher> cipher() const = 0;
  /// What ALPN has agreed on; empty when nothing. Python: SSLObject.selected_alpn_protocol.
  [[nodiscard]] virtual std::string selected_alpn_protocol() const = 0;
  /// The peer's certificate; empty when it has shown none, and, as in Python, when it was not
  /// verified. Python: SSLObject.getpeercert.
  [[nodiscard]] virtual std::optional<SSLCertificate> getpeercert() const = 0;
  /// Its bytes (DER), verified or not; empty when there is none. Python:
  /// SSLObject.getpeercert(binary_form=True).
  [[nodiscard]] virtual std::string getpeercert_der() const = 0;
  /// The name that a client asked for and checked, or that a server was asked for. Python:
  /// SSLObject.server_hostname.
  [[nodiscard]] virtual std::string_view server_hostname() const noexcept = 0;
  /// Python: SSLObject.server_side.
  [[nodiscard]] virtual bool server_side() const noexcept = 0;
  /// The handshake continued a session from before. Python: SSLObject.session_reused.
  [[nodiscard]] virtual bool session_reused() const noexcept = 0;
};

}  // namespace asyncio
