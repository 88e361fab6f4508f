#include "tls/layer.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include "asyncio/base/error.hpp"
#include "asyncio/tls/errors.hpp"
#include "tls/advice.hpp"
#include "tls/certificate.hpp"
#include "tls/context_state.hpp"
#include "tls/memory_bio.hpp"
#include "tls/server_name.hpp"

namespace asyncio::tls {

namespace {

// How much may come in a row without a byte for the user. OpenSSL counts empty records itself, but
// follows changes of keys and keeps tickets of the session as long as somebody sends them.
constexpr std::size_t kMostBarren = 64 * 1024;

}  // namespace

struct Layer::Verification {
  int code = 0;
  CertificateFault fault;
};

Layer::Layer(std::shared_ptr<ContextState> context, const asyncio::detail::LayerRole& role)
    : context_(std::move(context)),
      peer_(role.peer),
      answer_in_clear_(role.answer_in_clear),
      server_side_(role.server_side) {
  ssl_.reset(SSL_new(&context_->get()));
  if (!ssl_) throw_failure("TLS with " + peer_);
  if (SSL_set_app_data(ssl_.get(), this) != 1) throw std::bad_alloc();
  BIO* const bio = make_bio(*this).release();
  SSL_set_bio(ssl_.get(), bio, bio);
  if (server_side_) {
    SSL_set_accept_state(ssl_.get());
    return;
  }

  const ServerName name(role.server_hostname);
  if (name.empty() && context_->check_hostname) {
    throw ValueError("check_hostname requires server_hostname");
  }
  server_hostname_ = name.text();
  name.apply(*ssl_, context_->check_hostname);
  session_key_ = server_hostname_ + " at " + peer_;
  if (const Session session = context_->sessions.take(session_key_)) {
    SSL_set_session(ssl_.get(), session.get());
  }
  SSL_set_connect_state(ssl_.get());
}

Layer::~Layer() = default;

Layer& Layer::of(const SSL& ssl) noexcept { return *static_cast<Layer*>(SSL_get_app_data(&ssl)); }

// --- OpenSSL's side -----------------------------------------------------------------------------

std::size_t Layer::take(char* to, std::size_t size) noexcept {
  const std::size_t count = std::min(size, wire_.size());
  if (count > 0) std::memcpy(to, wire_.data(), count);
  wire_ = wire_.subspan(count);
  return count;
}

bool Layer::give(const char* from, std::size_t size) noexcept {
  if (out_ == nullptr) return true;  // a farewell while it is freed: nobody to tell
  try {
    out_->append(from, size);
    return true;
  } catch (...) {
    no_memory_ = true;
    return false;
  }
}

int on_verify(int ok, X509_STORE_CTX* store) {
  if (ok == 0) {
    const auto* ssl = static_cast<const SSL*>(
        X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    Layer::of(*ssl).note_verification(*store);
  }
  return ok;
}

void Layer::note_verification(X509_STORE_CTX& store) noexcept {
  if (verification_) return;
  try {
    verification_ = std::make_unique<Verification>();
    verification_->code = X509_STORE_CTX_get_error(&store);
    const bool is_address = verification_->code == X509_V_ERR_IP_ADDRESS_MISMATCH;
    verification_->fault = explain(verification_->code, X509_STORE_CTX_get_current_cert(&store),
                                   server_hostname_, is_address, server_side_);
  } catch (...) {
    no_memory_ = true;
  }
}

// OpenSSL takes certificate, trust and what was said of ALPN from the new context, and nothing
// else.
void Layer::switch_context(std::shared_ptr<ContextState> context) {
  SSL_CTX* const to = &context->get();
  // Half of a context, for want of memory, could be one that asks for no certificates.
  const bool complete = SSL_set_SSL_CTX(ssl_.get(), to) == to &&
                        SSL_set1_param(ssl_.get(), SSL_CTX_get0_param(to)) == 1;
  if (!complete) throw std::bad_alloc();
  SSL_set_verify(ssl_.get(), SSL_CTX_get_verify_mode(to), &on_verify);
  SSL_clear_options(ssl_.get(), SSL_get_options(ssl_.get()) & ~SSL_CTX_get_options(to));
  SSL_set_options(ssl_.get(), SSL_CTX_get_options(to));
  SSL_set_min_proto_version(ssl_.get(), static_cast<int>(SSL_CTX_get_min_proto_version(to)));
  SSL_set_max_proto_version(ssl_.get(), static_cast<int>(SSL_CTX_get_max_proto_version(to)));
  context_ = std::move(context);
}

// --- bytes --------------------------------------------------------------------------------------

std::size_t Layer::receive(std::span<const std::byte> wire, std::span<std::byte> plain,
                           std::string& out) noexcept {
  wire_ = wire;
  out_ = &out;
  const std::size_t room = first_.size() - first_size_;
  if (state_ == State::handshake && room > 0) {
    const std::size_t count = std::min(room, wire.size());
    if (count > 0) std::memcpy(first_.data() + first_size_, wire.data(), count);
    first_size_ = static_cast<std::uint8_t>(first_size_ + count);
  }
  if (state_ == State::handshake) shake_hands();
  std::size_t count = 0;
  if (state_ == State::open) {
    count = decrypt(plain);
    barren_ = count > 0 ? 0 : barren_ + wire.size();
    if (barren_ > kMostBarren && state_ == State::open) fail_as_barren();
  }
  out_ = nullptr;
  wire_ = {};
  return count;
}

void Layer::shake_hands() noexcept {
  forget_failures();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) {
    state_ = State::open;
    was_open_ = true;
  } else if (SSL_get_error(ssl_.get(), result) != SSL_ERROR_WANT_READ) {
    fail();
    answer_in_clear();
  }
}

// A browser shows it, instead of "the connection was reset".
void Layer::answer_in_clear() noexcept {
  const bool in_clear = server_side_ && looks_like_http({first_.data(), first_size_});
  if (in_clear) give(answer_in_clear_.data(), answer_in_clear_.size());
}

std::size_t Layer::decrypt(std::span<std::byte> plain) noexcept {
  std::size_t total = 0;
  forget_failures();
  // OpenSSL takes no byte from the wire before it needs it, and a record at a time fits: when all
  // are taken and the last record was given, one call more would only say so.
  do {
    std::size_t count = 0;
    const int result = SSL_read_ex(ssl_.get(), plain.data() + total, plain.size() - total, &count);
    if (result == 1) {
      total += count;
      continue;
    }
    const int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_ZERO_RETURN) {
      state_ = State::ended;
    } else if (error != SSL_ERROR_WANT_READ) {
      fail();
    }
    break;
  } while (!wire_.empty() && total < plain.size());
  return total;
}

void Layer::send(std::span<const std::byte> plain, std::string& out) noexcept {
  if (plain.empty() || (state_ != State::open && state_ != State::ended)) return;
  out_ = &out;
  barren_ = 0;
  forget_failures();
  std::size_t written = 0;
  // All at once, since our BIO takes everything.
  if (SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &written) != 1) fail();
  out_ = nullptr;
}

void Layer::close(std::string& out) noexcept {
  if (state_ != State::open && state_ != State::ended) return;
  out_ = &out;
  forget_failures();
  if (SSL_shutdown(ssl_.get()) < 0) ERR_clear_error();
  out_ = nullptr;
}

void Layer::receive_end() noexcept {
  try {
    if (state_ == State::handshake) {
      error_ = make_handshake_end_error();
    } else if (context_->ignores_unexpected_eof()) {
      state_ = State::ended;
      return;
    } else if (state_ == State::open) {
      error_ = std::make_exception_ptr(ssl::SSLEOFError(
          "SSL", "UNEXPECTED_EOF_WHILE_READING", context_text(),
          "[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in violation of protocol; the peer "
          "closed the connection without the farewell of TLS, so what it sent may be cut off "
          "(OP_IGNORE_UNEXPECTED_EOF takes it for an end)"));
    }
  } catch (...) {
    error_ = std::current_exception();
  }
  if (state_ != State::ended) state_ = State::failed;
}

// --- errors -------------------------------------------------------------------------------------

void Layer::fail() noexcept {
  try {
    error_ = make_error();
  } catch (...) {
    error_ = std::current_exception();
  }
  state_ = State::failed;
}

void Layer::fail_as_barren() noexcept {
  try {
    error_ = std::make_exception_ptr(
        ssl::SSLError("SSL", "TOO_MANY_KEY_UPDATES", context_text(),
                      "[SSL: TOO_MANY_KEY_UPDATES] too many key updates or session tickets: the "
                      "peer has sent " +
                          std::to_string(barren_ / 1024) + " KB without a byte of data"));
  } catch (...) {
    error_ = std::current_exception();
  }
  state_ = State::failed;
}

std::string Layer::context_text() const {
  return (state_ == State::handshake ? "TLS handshake with " : "TLS with ") + peer_;
}

std::exception_ptr Layer::make_error() {
  Failure failure = take_failure();
  if (no_memory_ || failure.reason_code == ERR_R_MALLOC_FAILURE) throw std::bad_alloc();
  const bool unverified =
      failure.library_code == ERR_LIB_SSL && failure.reason_code == SSL_R_CERTIFICATE_VERIFY_FAILED;
  if (unverified && verification_) {
    return std::make_exception_ptr(
        ssl::SSLCertVerificationError(context_text(), verification_->code,
                                      verification_->fault.message, verification_->fault.advice));
  }
  const std::string_view first(first_.data(), state_ == State::handshake ? first_size_ : 0);
  const std::string advice = advise(failure, first, server_side_);
  std::string text = failure.text();
  if (!advice.empty()) text += "; " + advice;
  return std::make_exception_ptr(
      ssl::SSLError(std::move(failure.library), std::move(failure.reason), context_text(), text));
}

std::exception_ptr Layer::make_handshake_end_error() const {
  const char* text = first_size_ == 0
                         ? "the peer closed the connection without a word; does this port speak "
                           "TLS, and does the peer take connections from here?"
                         : "the peer closed the connection before the handshake was done";
  return std::make_exception_ptr(ConnectionResetError(ECONNRESET, context_text(), text));
}

// --- what was agreed on -------------------------------------------------------------------------

std::string Layer::version() const {
  return SSL_is_init_finished(ssl_.get()) != 0 ? SSL_get_version(ssl_.get()) : "";
}

std::optional<SSLCipher> Layer::cipher() const {
  const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl_.get());
  if (cipher == nullptr) return std::nullopt;
  SSLCipher out;
  out.name = SSL_CIPHER_get_name(cipher);
  out.protocol = SSL_CIPHER_get_version(cipher);
  out.secret_bits = SSL_CIPHER_get_bits(cipher, nullptr);
  return out;
}

std::string Layer::selected_alpn_protocol() const {
  const unsigned char* name = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

std::optional<SSLCertificate> Layer::getpeercert() const {
  X509* certificate = SSL_get0_peer_certificate(ssl_.get());
  const bool verified = (SSL_get_verify_mode(ssl_.get()) & SSL_VERIFY_PEER) != 0;
  if (certificate == nullptr || !verified) return std::nullopt;
  return describe(*certificate);
}

std::string Layer::getpeercert_der() const {
  X509* certificate = SSL_get0_peer_certificate(ssl_.get());
  return certificate == nullptr ? std::string() : bytes_of(*certificate);
}

bool Layer::session_reused() const noexcept { return SSL_session_reused(ssl_.get()) != 0; }

}  // namespace asyncio::tls
