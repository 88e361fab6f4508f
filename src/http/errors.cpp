#include "asyncio/http/errors.hpp"

namespace asyncio::http {
namespace {

std::string response_text(const ClientResponseError::Details& details) {
  return std::to_string(details.status) + ", message='" + printable(details.message, 200) +
         "', url='" + details.url + "'";
}

/// The URL as a person typed it, but without a password, since messages end in logs; escaped when
/// its bytes could disturb a terminal.
std::string readable(std::string_view url) {
  std::string text(url);
  const std::size_t authority = text.find("//");
  const std::size_t end =
      text.find_first_of("/\\?#", authority == std::string::npos ? 0 : authority + 2);
  const std::size_t at = text.substr(0, end).rfind('@');
  if (authority != std::string::npos && at != std::string::npos) {
    const std::size_t colon = text.find(':', authority);
    if (colon < at) text.replace(colon + 1, at - colon - 1, "***");
  }
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 32 || c == 127) return printable(text, 200);
  }
  return text.size() <= 200 ? text : printable(text, 200);
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
