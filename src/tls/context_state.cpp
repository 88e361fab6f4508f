#include "tls/context_state.hpp"

#include <openssl/rand.h>
#include <openssl/tls1.h>

#include <algorithm>
#include <array>
#include <new>

#include "asyncio/base/error.hpp"
#include "tls/layer.hpp"

namespace asyncio::tls {

namespace {

static_assert(ssl::OP_IGNORE_UNEXPECTED_EOF == SSL_OP_IGNORE_UNEXPECTED_EOF);
static_assert(ssl::OP_NO_TICKET == SSL_OP_NO_TICKET);
static_assert(ssl::OP_NO_COMPRESSION == SSL_OP_NO_COMPRESSION);
static_assert(ssl::OP_CIPHER_SERVER_PREFERENCE == SSL_OP_CIPHER_SERVER_PREFERENCE);
static_assert(ssl::OP_NO_RENEGOTIATION == SSL_OP_NO_RENEGOTIATION);

// Python's: forward secrecy, nothing older than AES, keys of 2,048 bits at least.
constexpr const char* kCiphers =
    "@SECLEVEL=2:ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:DHE+AES:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM";

std::uint64_t next_id() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

// The name of a server_name extension (RFC 6066), empty when there is none; false when malformed.
bool parse_server_name(const unsigned char* data, std::size_t size, std::string_view& name) {
  constexpr std::size_t kHead = 5;  // length of the list, kind, length of the name
  if (size < kHead || data[2] != TLSEXT_NAMETYPE_host_name) return false;
  const std::size_t length = static_cast<std::size_t>(data[3]) * 256 + data[4];
  if (length == 0 || length > TLSEXT_MAXLEN_host_name || kHead + length > size) return false;
  name = {reinterpret_cast<const char*>(data) + kHead, length};
  return name.find('\0') == std::string_view::npos;
}

// Before anything is agreed on, and before a session is looked up: one that was made under another
// context's rules must not be resumed under this one's.
int on_client_hello(SSL* ssl, int* alert, void*) {
  const unsigned char* data = nullptr;
  std::size_t size = 0;
  std::string_view name;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size) == 1 &&
      !parse_server_name(data, size, name)) {
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_CLIENT_HELLO_ERROR;
  }
  Layer& layer = Layer::of(*ssl);
  try {
    layer.note_server_name(name);
    if (layer.context().choose_by_name(*ssl, name)) return SSL_CLIENT_HELLO_SUCCESS;
  } catch (...) {
  }
  *alert = SSL_AD_UNRECOGNIZED_NAME;
  return SSL_CLIENT_HELLO_ERROR;
}

}  // namespace

ContextState::ContextState(ssl::Protocol wanted)
    : protocol(wanted),
      verify_mode(is_client() ? ssl::CERT_REQUIRED : ssl::CERT_NONE),
      check_hostname(is_client()),
      ctx_(SSL_CTX_new(is_client() ? TLS_client_method() : TLS_server_method())),
      settings_id_(next_id()) {
  SSL_CTX* const ctx = ctx_.get();
  if (ctx == nullptr) throw_failure("SSLContext");
  SSL_CTX_set_options(ctx, options);
  // A system's configuration may say less.
  SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
  if (SSL_CTX_set_cipher_list(ctx, kCiphers) != 1) throw_failure("SSLContext");
  SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
  // Two contexts must not resume each other's sessions, even in one process.
  std::array<unsigned char, 16> id{};
  RAND_bytes(id.data(), static_cast<int>(id.size()));
  SSL_CTX_set_session_id_context(ctx, id.data(), static_cast<unsigned int>(id.size()));
  if (is_client()) {
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(ctx, &ContextState::on_new_session);
  } else {
    SSL_CTX_set_client_hello_cb(ctx, &on_client_hello, nullptr);
    SSL_CTX_set_alpn_select_cb(ctx, &ContextState::on_alpn, this);
  }
  apply_verify_mode();
}

void ContextState::changed() noexcept {
  settings_id_ = next_id();
  sessions.clear();
}

void ContextState::apply_verify_mode() noexcept {
  int mode = SSL_VERIFY_NONE;
  if (verify_mode != ssl::CERT_NONE) mode |= SSL_VERIFY_PEER;
  if (verify_mode == ssl::CERT_REQUIRED) mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  SSL_CTX_set_verify(ctx_.get(), mode, &on_verify);
}

std::unique_ptr<asyncio::detail::StreamLayer> ContextState::make_layer(
    const asyncio::detail::LayerRole& role) {
  if (role.server_side == is_client()) {
    throw ssl::SSLError("SSL", "WRONG_SSL_CONTEXT", "TLS with " + std::string(role.peer),
                        is_client() ? "a context of PROTOCOL_TLS_CLIENT cannot be a server's: "
                                      "create_default_context(Purpose::CLIENT_AUTH)"
                                    : "a context of PROTOCOL_TLS_SERVER cannot be a client's: "
                                      "create_default_context()");
  }
  return std::make_unique<Layer>(shared_from_this(), role);
}

int ContextState::on_new_session(SSL* ssl, SSL_SESSION* session) {
  const Layer& layer = Layer::of(*ssl);
  try {
    layer.context().sessions.put(layer.session_key(), Session(session));
  } catch (...) {  // no memory to remember it; it is freed
  }
  return 1;  // it is ours now
}

int ContextState::on_alpn(SSL*, const unsigned char** out, unsigned char* out_size,
                          const unsigned char* in, unsigned int in_size, void* self) {
  const std::string& ours = static_cast<ContextState*>(self)->alpn_;
  unsigned char* chosen = nullptr;
  const int found =
      SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(ours.data()),
                            static_cast<unsigned int>(ours.size()), in, in_size);
  *out = chosen;
  const bool agreed = !ours.empty() && found == OPENSSL_NPN_NEGOTIATED;
  return agreed ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

void ContextState::set_alpn(std::string wire) {
  alpn_ = std::move(wire);
  if (SSL_CTX_set_alpn_protos(ctx_.get(), reinterpret_cast<const unsigned char*>(alpn_.data()),
                              static_cast<unsigned int>(alpn_.size())) != 0) {
    throw std::bad_alloc();
  }
  changed();
}

bool ContextState::choose_by_name(SSL& ssl, std::string_view server_name) {
  if (!sni_callback) return true;
  const ssl::SSLContext* chosen = sni_callback(server_name);
  if (chosen == nullptr || &chosen->state() == this) return true;
  if (chosen->state().is_client()) return false;
  Layer::of(ssl).switch_context(chosen->state().shared_from_this());
  return true;
}

}  // namespace asyncio::tls
