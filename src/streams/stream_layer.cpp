#include "asyncio/streams/stream_layer.hpp"

#include "asyncio/base/error.hpp"

namespace asyncio::detail {

SecureSetup::SecureSetup(const TlsContext* context, const StartTlsOptions& options)
    : server_hostname_(options.server_hostname),
      server_side_(options.server_side),
      has_times_(options.ssl_handshake_timeout || options.ssl_shutdown_timeout) {
  if (context != nullptr) factory_ = context->factory();
  if (options.ssl_handshake_timeout) times_.handshake = options.ssl_handshake_timeout->value();
  if (options.ssl_shutdown_timeout) times_.shutdown = options.ssl_shutdown_timeout->value();
}

void SecureSetup::set_destination(std::string_view host, int port) {
  if (server_hostname_.empty() && wanted()) server_hostname_ = host;
  const bool is_ipv6 = host.find(':') != std::string_view::npos;
  peer_ = is_ipv6 ? "[" + std::string(host) + "]" : std::string(host);
  if (port != 0) peer_ += ":" + std::to_string(port);
}

std::exception_ptr SecureSetup::find_mistake() const {
  const auto mistake = [](const char* text) { return std::make_exception_ptr(ValueError(text)); };
  if (!wanted() && !server_hostname_.empty()) {
    return mistake("server_hostname is only meaningful with ssl");
  }
  if (!wanted() && has_times_) {
    return mistake("ssl_handshake_timeout and ssl_shutdown_timeout are only meaningful with ssl");
  }
  if (times_.handshake <= Nanoseconds(0)) {
    return mistake("ssl_handshake_timeout should be a positive number");
  }
  if (times_.shutdown <= Nanoseconds(0)) {
    return mistake("ssl_shutdown_timeout should be a positive number");
  }
  return nullptr;
}

}  // namespace asyncio::detail
