#include "http/tls_contexts.hpp"

#include "asyncio/tls/context.hpp"

namespace asyncio::http::detail {

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
