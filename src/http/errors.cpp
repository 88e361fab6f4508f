#include "asyncio/http/errors.hpp"

namespace asyncio::http {
namespace {

std::string response_text(const ClientResponseError::Details& details) {
  return std::to_string(details.status) + ", message='" + printable(details.message, 200) +
         "', url='" + details.url + "'";
}

/// The URL as a person typed it; escaped only when its bytes could disturb a terminal or a log.
std::string readable(std::string_view url) {
  for (const char c : url) {
    if (static_cast<unsigned char>(c) < 32 || c == 127) return printable(url, 200);
  }
  return url.size() <= 200 ? std::string(url) : printable(url, 200);
}

}  // namespace

ClientConnectorError::ClientConnectorError(std::string_view host, std::uint16_t port, int error,
                                           const std::string& text)
    : ClientOSError(error, text), host_(std::make_shared<const std::string>(host)), port_(port) {}

ClientResponseError::ClientResponseError(Details details)
    : ClientError(response_text(details)),
      details_(std::make_shared<const Details>(std::move(details))) {}

InvalidURL::InvalidURL(std::string_view url, std::string_view description)
    : ClientError(readable(url) + ": " + std::string(description)),
      url_(std::make_shared<const std::string>(url)),
      description_(std::make_shared<const std::string>(description)) {}

}  // namespace asyncio::http
