#include "net/address_order.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace asyncio::detail {
namespace {

enum class Kind : unsigned char { loopback, link_local, unique_local, tunnel, global };

Kind kind_of(const SocketAddress& address) noexcept {
  sockaddr_in6 v6{};
  std::memcpy(&v6, address.data(), std::min<std::size_t>(address.size(), sizeof v6));
  const in6_addr& bytes = v6.sin6_addr;
  if (IN6_IS_ADDR_LOOPBACK(&bytes)) return Kind::loopback;
  if (IN6_IS_ADDR_LINKLOCAL(&bytes)) return Kind::link_local;
  if ((bytes.s6_addr[0] & 0xfe) == 0xfc) return Kind::unique_local;
  const bool is_6to4 = bytes.s6_addr[0] == 0x20 && bytes.s6_addr[1] == 0x02;
  const bool is_teredo = bytes.s6_addr[0] == 0x20 && bytes.s6_addr[1] == 0x01 &&
                         bytes.s6_addr[2] == 0 && bytes.s6_addr[3] == 0;
  if (is_6to4 || is_teredo || IN6_IS_ADDR_V4MAPPED(&bytes)) return Kind::tunnel;
  return Kind::global;
}

// Whence a datagram to `to` would come. False: there is no way to it.
bool find_source(Backend& backend, const SocketAddress& to, SocketAddress& source) noexcept {
  const int fd = backend.socket(to.family(), SOCK_DGRAM, 0);
  if (fd < 0) return false;
  const bool found = backend.connect(fd, to) >= 0 && backend.local_address(fd, source) >= 0;
  backend.close(fd);
  return found;
}

bool ipv6_goes_first(Backend& backend, const SocketAddress& v6, const SocketAddress& v4) noexcept {
  SocketAddress source;
  if (!find_source(backend, v6, source)) return false;
  const Kind kind = kind_of(v6);
  const bool good = kind != Kind::unique_local && kind != Kind::tunnel;
  if (good && kind_of(source) == kind) return true;
  return !find_source(backend, v4, source);
}

}  // namespace

void order_addresses(Backend& backend, std::vector<SocketAddress>& addresses) {
  const auto of_family = [&](int family) {
    return std::find_if(addresses.begin(), addresses.end(),
                        [=](const auto& address) { return address.family() == family; });
  };
  const auto v6 = of_family(AF_INET6);
  const auto v4 = of_family(AF_INET);
  if (v6 == addresses.end() || v4 == addresses.end()) return;
  const int first = ipv6_goes_first(backend, *v6, *v4) ? AF_INET6 : AF_INET;
  std::vector<SocketAddress> ordered;
  for (const bool in_front : {true, false}) {
    for (const SocketAddress& address : addresses) {
      if ((address.family() == first) == in_front) ordered.push_back(address);
    }
  }
  addresses = std::move(ordered);
}

}  // namespace asyncio::detail
