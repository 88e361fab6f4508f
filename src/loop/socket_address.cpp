#include "asyncio/loop/socket_address.hpp"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "asyncio/base/error.hpp"

namespace asyncio {

static_assert(sizeof(sockaddr_storage) <= SocketAddress::kCapacity);

namespace {

template <class Kind>
const Kind& as(const SocketAddress& address) noexcept {
  return *static_cast<const Kind*>(address.data());
}

template <class Kind>
void assign(SocketAddress& to, const Kind& from) noexcept {
  std::memcpy(to.data(), &from, sizeof from);
  to.set_size(sizeof from);
}

// "eth0" or "2" behind the % of a link-local address; 0 when there is no such interface.
std::uint32_t scope_of(const std::string& zone) {
  std::uint32_t number = 0;
  const char* end = zone.data() + zone.size();
  const auto [stop, error] = std::from_chars(zone.data(), end, number);
  if (error == std::errc() && stop == end) return number;
  return ::if_nametoindex(zone.c_str());
}

constexpr std::size_t kPathOffset = offsetof(sockaddr_un, sun_path);

}  // namespace

bool SocketAddress::parse(std::string_view host, std::uint16_t port, SocketAddress& out) {
  // A NUL would end the text for inet_pton in the middle of what was given.
  if (host.find('\0') != std::string_view::npos) return false;
  const std::size_t percent = host.find('%');
  const std::string numbers(host.substr(0, percent));
  in_addr v4{};
  if (percent == std::string_view::npos && ::inet_pton(AF_INET, numbers.c_str(), &v4) == 1) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr = v4;
    assign(out, address);
    return true;
  }
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  if (::inet_pton(AF_INET6, numbers.c_str(), &address.sin6_addr) != 1) return false;
  if (percent != std::string_view::npos) {
    address.sin6_scope_id = scope_of(std::string(host.substr(percent + 1)));
    if (address.sin6_scope_id == 0) return false;
  }
  assign(out, address);
  return true;
}

SocketAddress SocketAddress::unix_path(std::string_view path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // A path in the file system needs its final NUL; an abstract name is counted instead.
  const bool abstract = !path.empty() && path.front() == '\0';
  const std::size_t room = sizeof address.sun_path - (abstract ? 0 : 1);
  if (path.size() > room) {
    throw OSError(ENAMETOOLONG, "AF_UNIX path too long: " + std::string(path));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  SocketAddress out;
  assign(out, address);
  out.set_size(static_cast<std::uint32_t>(kPathOffset + path.size() + (abstract ? 0 : 1)));
  return out;
}

int SocketAddress::family() const noexcept {
  return size_ < sizeof(sa_family_t) ? AF_UNSPEC : as<sockaddr>(*this).sa_family;
}

std::string SocketAddress::host() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  switch (family()) {
    case AF_INET:
      ::inet_ntop(AF_INET, &as<sockaddr_in>(*this).sin_addr, text.data(), text.size());
      return text.data();
    case AF_INET6: {
      ::inet_ntop(AF_INET6, &as<sockaddr_in6>(*this).sin6_addr, text.data(), text.size());
      std::string out = text.data();
      const std::uint32_t scope = as<sockaddr_in6>(*this).sin6_scope_id;
      if (scope != 0) out += "%" + std::to_string(scope);
      return out;
    }
    case AF_UNIX: {
      if (size_ <= kPathOffset) return {};  // an unnamed socket, as those of socketpair
      std::string path(as<sockaddr_un>(*this).sun_path, size_ - kPathOffset);
      if (path.front() != '\0') path.resize(std::strlen(path.c_str()));
      return path;
    }
    default:
      return {};
  }
}

std::uint16_t SocketAddress::port() const noexcept {
  switch (family()) {
    case AF_INET:
      return ntohs(as<sockaddr_in>(*this).sin_port);
    case AF_INET6:
      return ntohs(as<sockaddr_in6>(*this).sin6_port);
    default:
      return 0;
  }
}

std::string SocketAddress::to_string() const {
  switch (family()) {
    case AF_INET:
      return host() + ":" + std::to_string(port());
    case AF_INET6:
      return "[" + host() + "]:" + std::to_string(port());
    case AF_UNIX: {
      std::string path = host();
      if (!path.empty() && path.front() == '\0') path.front() = '@';  // as ss and lsof show it
      return path;
    }
    default:
      return "(no address)";
  }
}

bool SocketAddress::operator==(const SocketAddress& other) const noexcept {
  return size_ == other.size_ && std::memcmp(data(), other.data(), size_) == 0;
}

}  // namespace asyncio
