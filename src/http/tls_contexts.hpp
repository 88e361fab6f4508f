// Which TLS contexts a session's connections are made with.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "asyncio/streams/stream_layer.hpp"

namespace asyncio::http::detail {

/// A handle that keeps a context of somebody else's.
class HeldTlsContext final : public TlsContext {
 public:
  explicit HeldTlsContext(const TlsContext& context) : TlsContext(context) {}
};

/// Null for null.
inline std::shared_ptr<const TlsContext> hold(const TlsContext* context) {
  return context == nullptr ? nullptr : std::make_shared<const HeldTlsContext>(*context);
}

/// The same for a server: a client that speaks plain HTTP to it is told so, in plain HTTP.
std::shared_ptr<const TlsContext> hold_for_server(const TlsContext* context);

/// Numbers them, so that a connection that was made with one is never used for a request that asks
/// for another: its peer may have been trusted for other reasons. They are kept as long as the
/// session, because an address that is free again would be mistaken for the one before.
class TlsContexts {
 public:
  /// `of_session`: what requests use that name none; null: ssl::create_default_context().
  explicit TlsContexts(const TlsContext* of_session);

  /// The same number for the same context; that of the session is 0.
  std::size_t number_of(const TlsContext& context);
  /// The session's own is made at its first use. Errors: what making it fails with.
  const TlsContext& at(std::size_t number);

 private:
  std::vector<std::unique_ptr<HeldTlsContext>> contexts_;
};

}  // namespace asyncio::http::detail
