#include "net/local_names.hpp"

#include <string_view>

namespace asyncio::detail {

std::vector<SocketAddress> addresses_of_this_host(const NameQuestion& question) {
  std::string_view host = question.host;
  if (host.ends_with('.')) host.remove_suffix(1);
  std::vector<SocketAddress> out;
  if (!host.empty() && host != "localhost" && !host.ends_with(".localhost")) return out;
  for (const char* text :
       {question.passive ? "0.0.0.0" : "127.0.0.1", question.passive ? "::" : "::1"}) {
    SocketAddress address;
    SocketAddress::parse(text, 0, address);
    const bool wanted = question.family == 0 || question.family == address.family();
    if (wanted) out.push_back(address);
  }
  return out;
}

}  // namespace asyncio::detail
