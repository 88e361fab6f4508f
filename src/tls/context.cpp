#include "asyncio/tls/context.hpp"

#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <cerrno>
#include <fstream>
#include <iterator>

#include "asyncio/base/error.hpp"
#include "tls/context_state.hpp"

namespace asyncio::ssl {

namespace {

std::string read_file(const char* operation, std::string_view path) {
  errno = 0;
  std::ifstream in{std::string(path), std::ios::binary};
  if (!in) throw_os_error(errno != 0 ? errno : EIO, operation, path);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (in.bad()) throw_os_error(EIO, operation, path);
  return text;
}

void check_version(bool accepted) {
  if (!accepted) throw ValueError("unsupported protocol version: not in this OpenSSL");
  ERR_clear_error();
}

}  // namespace

SSLContext::SSLContext(Protocol protocol)
    : TlsContext(std::make_shared<tls::ContextState>(protocol)) {}

tls::ContextState& SSLContext::state() const noexcept {
  return static_cast<tls::ContextState&>(*factory());
}

// --- who we are ---------------------------------------------------------------------------------

void SSLContext::load_cert_chain(std::string_view certfile, std::string_view keyfile,
                                 const LoadCertOptions& options) {
  constexpr const char* kOperation = "load_cert_chain";
  const std::string certificates = read_file(kOperation, certfile);
  if (keyfile.empty()) {
    state().load_cert_chain(certificates, certfile, certificates, certfile, options);
  } else {
    const std::string key = read_file(kOperation, keyfile);
    state().load_cert_chain(certificates, certfile, key, keyfile, options);
  }
}

void SSLContext::load_cert_chain_pem(std::string_view certificates, std::string_view key,
                                     const LoadCertOptions& options) {
  state().load_cert_chain(certificates, "certificates", key, "key", options);
}

// --- whom we trust ------------------------------------------------------------------------------

void SSLContext::load_verify_locations(const VerifyLocations& locations) {
  if (locations.cafile.empty() && locations.capath.empty() && locations.cadata.empty()) {
    throw ValueError("cafile, capath and cadata cannot be all omitted");
  }
  constexpr const char* kOperation = "load_verify_locations";
  if (!locations.cafile.empty()) {
    try {
      state().load_verify_data(read_file(kOperation, locations.cafile));
    } catch (const SSLError& error) {
      throw SSLError(error.library(), error.reason(),
                     kOperation + (" " + std::string(locations.cafile)),
                     "there is no certificate in it that can be read");
    }
  }
  if (!locations.cadata.empty()) state().load_verify_data(locations.cadata);
  if (!locations.capath.empty()) {
    const std::string folder(locations.capath);
    if (SSL_CTX_load_verify_dir(&state().get(), folder.c_str()) != 1) {
      tls::throw_failure(kOperation + (" " + folder));
    }
  }
  state().changed();
}

void SSLContext::load_default_certs(Purpose) {
  if (SSL_CTX_set_default_verify_paths(&state().get()) != 1) {
    tls::throw_failure("load_default_certs");
  }
  ERR_clear_error();  // a store that is not there is not an error, but trusts nobody
  state().changed();
}

CertStoreStats SSLContext::cert_store_stats() const {
  CertStoreStats stats;
  const STACK_OF(X509_OBJECT)* objects =
      X509_STORE_get0_objects(SSL_CTX_get_cert_store(&state().get()));
  for (int i = 0; i < sk_X509_OBJECT_num(objects); ++i) {
    const X509_OBJECT* object = sk_X509_OBJECT_value(objects, i);
    if (X509* certificate = X509_OBJECT_get0_X509(object)) {
      ++stats.x509;
      if (X509_check_ca(certificate) != 0) ++stats.x509_ca;
    } else {
      ++stats.crl;
    }
  }
  return stats;
}

bool SSLContext::check_hostname() const noexcept { return state().check_hostname; }

void SSLContext::set_check_hostname(bool enabled) {
  if (enabled && state().verify_mode == CERT_NONE) set_verify_mode(CERT_REQUIRED);
  state().check_hostname = enabled;
  state().changed();
}

VerifyMode SSLContext::verify_mode() const noexcept { return state().verify_mode; }

void SSLContext::set_verify_mode(VerifyMode mode) {
  if (mode == CERT_NONE && state().check_hostname) {
    throw ValueError("Cannot set verify_mode to CERT_NONE when check_hostname is enabled.");
  }
  state().verify_mode = mode;
  state().apply_verify_mode();
  state().changed();
}

std::uint32_t SSLContext::verify_flags() const noexcept {
  return static_cast<std::uint32_t>(
      X509_VERIFY_PARAM_get_flags(SSL_CTX_get0_param(&state().get())));
}

void SSLContext::set_verify_flags(std::uint32_t flags) {
  X509_VERIFY_PARAM* parameters = SSL_CTX_get0_param(&state().get());
  X509_VERIFY_PARAM_clear_flags(parameters, X509_VERIFY_PARAM_get_flags(parameters));
  X509_VERIFY_PARAM_set_flags(parameters, flags);
  state().changed();
}

// --- what to agree on ---------------------------------------------------------------------------

TLSVersion SSLContext::minimum_version() const noexcept {
  return static_cast<TLSVersion>(SSL_CTX_get_min_proto_version(&state().get()));
}

void SSLContext::set_minimum_version(TLSVersion version) {
  const bool newest = version == TLSVersion::MAXIMUM_SUPPORTED;
  const int number = newest ? TLS1_3_VERSION : static_cast<int>(version);
  check_version(SSL_CTX_set_min_proto_version(&state().get(), number) == 1);
  state().changed();
}

TLSVersion SSLContext::maximum_version() const noexcept {
  const auto number = SSL_CTX_get_max_proto_version(&state().get());
  return number == 0 ? TLSVersion::MAXIMUM_SUPPORTED : static_cast<TLSVersion>(number);
}

void SSLContext::set_maximum_version(TLSVersion version) {
  int number = static_cast<int>(version);
  if (version == TLSVersion::MAXIMUM_SUPPORTED) number = 0;
  if (version == TLSVersion::MINIMUM_SUPPORTED) number = TLS1_VERSION;
  check_version(SSL_CTX_set_max_proto_version(&state().get(), number) == 1);
  state().changed();
}

void SSLContext::set_ciphers(std::string_view ciphers) {
  if (SSL_CTX_set_cipher_list(&state().get(), std::string(ciphers).c_str()) != 1) {
    tls::throw_failure("set_ciphers", "No cipher can be selected.");
  }
  state().changed();
}

void SSLContext::set_ciphersuites(std::string_view ciphersuites) {
  if (SSL_CTX_set_ciphersuites(&state().get(), std::string(ciphersuites).c_str()) != 1) {
    tls::throw_failure("set_ciphersuites", "No cipher suite can be selected.");
  }
  state().changed();
}

std::vector<std::string> SSLContext::get_ciphers() const {
  std::vector<std::string> names;
  const STACK_OF(SSL_CIPHER)* ciphers = SSL_CTX_get_ciphers(&state().get());
  for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); ++i) {
    names.emplace_back(SSL_CIPHER_get_name(sk_SSL_CIPHER_value(ciphers, i)));
  }
  return names;
}

void SSLContext::set_alpn_protocols(std::span<const std::string_view> protocols) {
  std::string wire;
  for (const std::string_view name : protocols) {
    if (name.empty() || name.size() > 255) {
      throw ValueError("ALPN protocols must be 1 to 255 bytes long");
    }
    wire += static_cast<char>(name.size());
    wire += name;
  }
  if (wire.size() > 65535) throw ValueError("ALPN protocols must be at most 65535 bytes together");
  state().set_alpn(std::move(wire));
}

std::uint64_t SSLContext::options() const noexcept { return state().options; }

void SSLContext::set_options(std::uint64_t options) {
  SSL_CTX_clear_options(&state().get(), state().options);
  state().options = options | OP_NO_COMPRESSION | OP_NO_RENEGOTIATION;
  SSL_CTX_set_options(&state().get(), state().options);
  state().changed();
}

Protocol SSLContext::protocol() const noexcept { return state().protocol; }

void SSLContext::set_sni_callback(SniCallback callback) {
  state().sni_callback = std::move(callback);
  state().changed();
}

// --- ready made ---------------------------------------------------------------------------------

SSLContext create_default_context(Purpose purpose, const VerifyLocations& locations) {
  SSLContext context(purpose == Purpose::SERVER_AUTH ? PROTOCOL_TLS_CLIENT : PROTOCOL_TLS_SERVER);
  // As Python 3.13: no work-arounds, and whom one trusts one trusts.
  context.set_verify_flags(context.verify_flags() | VERIFY_X509_PARTIAL_CHAIN | VERIFY_X509_STRICT);
  const bool given =
      !locations.cafile.empty() || !locations.capath.empty() || !locations.cadata.empty();
  if (given) {
    context.load_verify_locations(locations);
  } else if (purpose == Purpose::SERVER_AUTH) {
    context.load_default_certs(purpose);
  }
  return context;
}

SSLContext create_unverified_context() {
  SSLContext context(PROTOCOL_TLS_CLIENT);
  context.set_check_hostname(false);
  context.set_verify_mode(CERT_NONE);
  return context;
}

}  // namespace asyncio::ssl
