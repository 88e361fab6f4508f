#include "http/tls_contexts.hpp"

#include <string_view>
#include <utility>

#include "asyncio/tls/context.hpp"

namespace asyncio::http::detail {

namespace {

// nginx's words, and its status.
constexpr std::string_view kPlainRequest =
    "HTTP/1.1 400 Bad Request\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Content-Length: 68\r\n"
    "Connection: close\r\n"
    "\r\n"
    "The plain HTTP request was sent to HTTPS port: the URL is https://.\n";

// TLS knows nothing of HTTP but how to recognise it; what is said then is ours.
class AnsweringFactory final : public asyncio::detail::LayerFactory {
 public:
  explicit AnsweringFactory(std::shared_ptr<asyncio::detail::LayerFactory> inner)
      : inner_(std::move(inner)) {}
  std::unique_ptr<asyncio::detail::StreamLayer> make_layer(
      const asyncio::detail::LayerRole& role) override {
    asyncio::detail::LayerRole with_answer = role;
    with_answer.answer_in_clear = kPlainRequest;
    return inner_->make_layer(with_answer);
  }
  [[nodiscard]] std::uint64_t settings_id() const noexcept override {
    return inner_->settings_id();
  }

 private:
  std::shared_ptr<asyncio::detail::LayerFactory> inner_;
};

class AnsweringContext final : public TlsContext {
 public:
  explicit AnsweringContext(const TlsContext& context)
      : TlsContext(std::make_shared<AnsweringFactory>(context.factory())) {}
};

}  // namespace

std::shared_ptr<const TlsContext> hold_for_server(const TlsContext* context) {
  return context == nullptr ? nullptr : std::make_shared<const AnsweringContext>(*context);
}

TlsContexts::TlsContexts(const TlsContext* of_session) : contexts_(1) {
  if (of_session != nullptr) contexts_[0] = std::make_unique<HeldTlsContext>(*of_session);
}

std::size_t TlsContexts::number_of(const TlsContext& context) {
  for (std::size_t i = 0; i < contexts_.size(); ++i) {
    if (contexts_[i] && contexts_[i]->factory() == context.factory()) return i;
  }
  contexts_.push_back(std::make_unique<HeldTlsContext>(context));
  return contexts_.size() - 1;
}

const TlsContext& TlsContexts::at(std::size_t number) {
  std::unique_ptr<HeldTlsContext>& context = contexts_[number];
  if (!context) {
    ssl::SSLContext made = ssl::create_default_context();
    made.set_alpn_protocols({"http/1.1"});
    context = std::make_unique<HeldTlsContext>(made);
  }
  return *context;
}

}  // namespace asyncio::http::detail
