#include "net/cares/ares_servers.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "asyncio/base/error.hpp"
#include "asyncio/loop/socket_address.hpp"

namespace asyncio::detail {
namespace {

constexpr std::uint16_t kDnsPort = 53;

// "10.0.0.1:5353", "fd00::1" or "[fd00::1]:5353".
bool parse_server(std::string_view text, SocketAddress& out) {
  if (text.find('%') != text.npos) return false;  // not for c-ares
  std::string_view host = text;
  std::string_view port;
  const bool bracketed = text.starts_with('[');
  if (bracketed) {
    const std::size_t end = text.find(']');
    if (end == text.npos) return false;
    host = text.substr(1, end - 1);
    port = text.substr(end + 1);
  } else if (std::count(text.begin(), text.end(), ':') == 1) {
    host = text.substr(0, text.find(':'));
    port = text.substr(host.size());
  }
  int number = kDnsPort;
  if (!port.empty()) {
    const char* end = port.data() + port.size();
    const auto [stop, error] = std::from_chars(port.data() + 1, end, number);
    if (port.front() != ':' || error != std::errc() || stop != end) return false;
  }
  return number > 0 && number < 65536 &&
         SocketAddress::parse(host, static_cast<std::uint16_t>(number), out);
}

}  // namespace

std::string check_servers(std::string_view list) {
  std::string out;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view server = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    while (server.starts_with(' ')) server.remove_prefix(1);
    while (server.ends_with(' ')) server.remove_suffix(1);
    SocketAddress address;
    if (!parse_server(server, address)) {
      throw ValueError("nameservers: not an address: '" + std::string(server) + "'");
    }
    if (!out.empty()) out += ',';
    out += address.to_string();
  }
  return out;
}

// c-ares cannot reach link-local servers ("fe80::1%eth0"): they are left out, unless there is no
// other. Then it says so, and threads take over.
std::string servers_text(std::vector<std::string> servers) {
  const auto is_local = [](const std::string& server) { return server.find('%') != server.npos; };
  if (!std::all_of(servers.begin(), servers.end(), is_local)) std::erase_if(servers, is_local);
  std::string out;
  for (const std::string& server : servers) {
    SocketAddress address;
    SocketAddress::parse(server, kDnsPort, address);
    if (!out.empty()) out += ',';
    out += address.to_string();
  }
  return out;
}

}  // namespace asyncio::detail
