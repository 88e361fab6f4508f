// SSLContext: whom to trust, who we are, what to agree on. Python: ssl.SSLContext.
//
//   asyncio::ssl::SSLContext context = asyncio::ssl::create_default_context();
//   auto [reader, writer] = co_await asyncio::open_connection("example.com", 443,
//                                                             {.ssl = &context});
//
// Safe unless told otherwise: certificates are verified against the system's store, names are
// checked, nothing older than TLS 1.2. OpenSSL does the work and shows in no header.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "asyncio/base/function.hpp"
#include "asyncio/streams/stream_layer.hpp"
#include "asyncio/tls/errors.hpp"

namespace asyncio::tls {
class ContextState;
}

namespace asyncio::ssl {

/// Which side a context is for. Python: ssl.PROTOCOL_TLS_CLIENT, ssl.PROTOCOL_TLS_SERVER.
enum Protocol : std::uint8_t {
  PROTOCOL_TLS_CLIENT,  ///< verifies the server and its name
  PROTOCOL_TLS_SERVER,  ///< asks clients for nothing
};

/// Python: ssl.CERT_NONE and its kin.
enum VerifyMode : std::uint8_t {
  CERT_NONE,      ///< a client believes anybody; a server asks for no certificate
  CERT_OPTIONAL,  ///< a server asks, and verifies what is shown; a client: as CERT_REQUIRED
  CERT_REQUIRED,  ///< no certificate that verifies, no connection
};

/// What create_default_context is for. Python: ssl.Purpose.
enum class Purpose : std::uint8_t {
  SERVER_AUTH,  ///< to verify servers: a client's
  CLIENT_AUTH,  ///< to verify clients: a server's
};

/// Python: ssl.TLSVersion.
enum class TLSVersion : std::uint16_t {
  MINIMUM_SUPPORTED = 0,
  TLSv1 = 0x0301,    ///< broken; also needs weaker ciphers to be allowed
  TLSv1_1 = 0x0302,  ///< likewise
  TLSv1_2 = 0x0303,
  TLSv1_3 = 0x0304,
  MAXIMUM_SUPPORTED = 0xffff,
};

/// Bits of SSLContext::verify_flags. Python: ssl.VERIFY_...
enum VerifyFlags : std::uint32_t {
  VERIFY_DEFAULT = 0,
  VERIFY_CRL_CHECK_LEAF = 0x4,          ///< the peer's certificate must not be on a list of revoked
  VERIFY_CRL_CHECK_CHAIN = 0xc,         ///< nor any above it
  VERIFY_X509_STRICT = 0x20,            ///< no work-arounds for malformed certificates
  VERIFY_X509_TRUSTED_FIRST = 0x8000,   ///< always so in OpenSSL 3
  VERIFY_X509_PARTIAL_CHAIN = 0x80000,  ///< a trusted certificate need not be self-signed
};

/// Bits of SSLContext::options. Python: ssl.OP_...
enum Options : std::uint64_t {
  OP_IGNORE_UNEXPECTED_EOF = 0x80,  ///< an end without farewell is an end: truncation goes unseen
  OP_NO_TICKET = 0x4000,            ///< no tickets to resume sessions with
  OP_NO_COMPRESSION = 0x20000,      ///< always so
  OP_CIPHER_SERVER_PREFERENCE = 0x400000,
  OP_NO_RENEGOTIATION = 0x40000000,  ///< always so
};

/// Options of load_cert_chain.
struct LoadCertOptions {
  std::string_view password = {};  ///< of the private key, if it is encrypted
  bool allow_expired = false;      ///< a certificate that no client will accept
};

/// Where the certificates that one trusts are. Python: the arguments of load_verify_locations.
struct VerifyLocations {
  std::string_view cafile = {};  ///< in PEM, one after another; lists of revoked ones too
  std::string_view capath = {};  ///< a folder, as `openssl rehash` makes it
  std::string_view cadata = {};  ///< the contents of a cafile
};

/// What is in the store of trusted certificates. Python: SSLContext.cert_store_stats.
struct CertStoreStats {
  std::size_t x509 = 0;
  std::size_t crl = 0;
  std::size_t x509_ca = 0;
};

class MemoryBIO;
class SSLObject;

/// Options of wrap_bio.
struct WrapBioOptions {
  bool server_side = false;
  std::string_view server_hostname = {};  ///< of a client: whom to ask for, and to check
};

/// Settings for any number of connections. A copy is a handle to the same settings. Set it up, then
/// use it, in as many threads as you like: changes concern connections made later, and must not be
/// made while another thread makes one. A client's remembers the sessions of servers it has met, so
/// that meeting them again costs half; one that was made under other settings is never resumed.
/// Python: ssl.SSLContext, whose properties are here `x()` and `set_x(value)`.
class SSLContext : public TlsContext {
 public:
  /// A context that trusts nobody yet: see create_default_context.
  explicit SSLContext(Protocol protocol);

  // --- who we are -------------------------------------------------------------------------------

  /// Our certificate, those between it and the root, and its private key, from PEM files; the key
  /// may be in the first. Errors, before anything has changed: FileNotFoundError and its kin,
  /// SSLError that names the file and what is wrong: no certificate in it, a key of another
  /// certificate, an encrypted key without password, an expired certificate (in Python each client
  /// finds that out). Python: SSLContext.load_cert_chain.
  void load_cert_chain(std::string_view certfile, std::string_view keyfile = {},
                       const LoadCertOptions& options = {});
  /// The same from memory.
  void load_cert_chain_pem(std::string_view certificates, std::string_view key,
                           const LoadCertOptions& options = {});

  // --- whom we trust ----------------------------------------------------------------------------

  /// Adds to whom we trust. Errors: FileNotFoundError, SSLError when there is no certificate in it,
  /// ValueError when nothing is given. Python: SSLContext.load_verify_locations.
  void load_verify_locations(const VerifyLocations& locations);
  void load_verify_locations(std::string_view cafile) {
    load_verify_locations(VerifyLocations{.cafile = cafile});
  }
  /// Adds the system's store; the environment's SSL_CERT_FILE and SSL_CERT_DIR say otherwise.
  /// Python: SSLContext.load_default_certs.
  void load_default_certs(Purpose purpose = Purpose::SERVER_AUTH);
  [[nodiscard]] CertStoreStats cert_store_stats() const;

  /// Whether a client checks that the certificate is of the host it asked for. Turning it on
  /// requires certificates, too. Python: SSLContext.check_hostname.
  [[nodiscard]] bool check_hostname() const noexcept;
  void set_check_hostname(bool enabled);
  /// ValueError for CERT_NONE while names are checked: turn that off first, and mean it. Python:
  /// SSLContext.verify_mode.
  [[nodiscard]] VerifyMode verify_mode() const noexcept;
  void set_verify_mode(VerifyMode mode);
  /// VerifyFlags, or-ed. Python: SSLContext.verify_flags.
  [[nodiscard]] std::uint32_t verify_flags() const noexcept;
  void set_verify_flags(std::uint32_t flags);

  // --- what to agree on -------------------------------------------------------------------------

  /// Of both sides the newest common version is taken. ValueError for one that OpenSSL has not.
  /// Python: SSLContext.minimum_version, maximum_version.
  [[nodiscard]] TLSVersion minimum_version() const noexcept;
  void set_minimum_version(TLSVersion version);
  [[nodiscard]] TLSVersion maximum_version() const noexcept;
  void set_maximum_version(TLSVersion version);
  /// Up to TLS 1.2, in OpenSSL's notation. SSLError when it selects none. Python:
  /// SSLContext.set_ciphers.
  void set_ciphers(std::string_view ciphers);
  /// Of TLS 1.3. Python: SSLContext.set_ciphersuites.
  void set_ciphersuites(std::string_view ciphersuites);
  /// The names of all that may be agreed on. Python: SSLContext.get_ciphers.
  [[nodiscard]] std::vector<std::string> get_ciphers() const;
  /// What is spoken inside, best first: {"h2", "http/1.1"}. Nothing in common is no error: nothing
  /// is selected, then. ValueError for names that are empty or longer than 255 bytes. Python:
  /// SSLContext.set_alpn_protocols.
  void set_alpn_protocols(std::span<const std::string_view> protocols);
  void set_alpn_protocols(std::initializer_list<std::string_view> protocols) {
    set_alpn_protocols(std::span(protocols.begin(), protocols.size()));
  }
  /// Options, or-ed. Python: SSLContext.options.
  [[nodiscard]] std::uint64_t options() const noexcept;
  void set_options(std::uint64_t options);
  /// Which side it is for. Python: SSLContext.protocol.
  [[nodiscard]] Protocol protocol() const noexcept;

  /// Called by a server with the name that a client asks for (empty: with none) before anything is
  /// agreed on, and gives the context for it, which must live as long as this one is used, or null:
  /// this one. When it throws, the client is refused (unrecognized_name). On the thread of the
  /// connection. Python: SSLContext.sni_callback.
  using SniCallback = base::UniqueFunction<const SSLContext*(std::string_view server_name)>;
  void set_sni_callback(SniCallback callback);

  /// TLS without I/O (asyncio/tls/ssl_object.hpp): it takes what comes from `incoming`, and puts
  /// what is to be sent into `outgoing`. Errors: ValueError when names are checked and none is
  /// given, SSLError when this context is of the other side. Python: SSLContext.wrap_bio.
  [[nodiscard]] SSLObject wrap_bio(MemoryBIO incoming, MemoryBIO outgoing,
                                   const WrapBioOptions& options = {}) const;

  // For the library.
  [[nodiscard]] tls::ContextState& state() const noexcept;
};

/// A context with the settings that are good today. For SERVER_AUTH it verifies certificates,
/// against `locations` or, when there are none, the system's store, and checks names. Python:
/// ssl.create_default_context.
[[nodiscard]] SSLContext create_default_context(Purpose purpose = Purpose::SERVER_AUTH,
                                                const VerifyLocations& locations = {});

/// A client's context that believes anybody: encrypted, but who is at the other end is unknown.
/// Python: ssl._create_unverified_context.
[[nodiscard]] SSLContext create_unverified_context();

}  // namespace asyncio::ssl
