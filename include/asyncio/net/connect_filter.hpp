// Which addresses a program may connect to.
#pragma once

#include <concepts>
#include <type_traits>

#include "asyncio/loop/socket_address.hpp"

namespace asyncio {

/// Says of an address whether it may be connected to: a function, a lambda without captures, or an
/// object that outlives whoever it is given to. It is asked about every address that a name has led
/// to, right before the socket for it is made: what a name server says later, and where a redirect
/// leads, does not get around it. One that is refused fails as if nobody were there, with a
/// PermissionError that names it, and the next one is tried. By default all may.
///
///   open_connection(host, 80, {.connect_filter = asyncio::is_global});
///   ClientSession session({.connect_filter = asyncio::is_global});
class ConnectFilter {
 public:
  using Function = bool (*)(const SocketAddress& address);

  constexpr ConnectFilter() = default;
  template <class F>
    requires std::convertible_to<F, Function>
  constexpr ConnectFilter(F function) noexcept : function_(function) {}
  template <class Object>
    requires(!std::convertible_to<Object, Function> &&
             std::is_invocable_r_v<bool, const Object&, const SocketAddress&>)
  ConnectFilter(const Object& object) noexcept : object_(&object), call_(&call<Object>) {}
  template <class Object>
    requires(!std::convertible_to<Object, Function> &&
             std::is_invocable_r_v<bool, const Object&, const SocketAddress&>)
  ConnectFilter(const Object&& object) = delete;  // it would be gone

  [[nodiscard]] bool allows(const SocketAddress& address) const {
    if (call_ != nullptr) return call_(object_, address);
    return function_ == nullptr || function_(address);
  }

 private:
  template <class Object>
  static bool call(const void* object, const SocketAddress& address) {
    return (*static_cast<const Object*>(object))(address);
  }

  Function function_ = nullptr;
  const void* object_ = nullptr;
  bool (*call_)(const void* object, const SocketAddress& address) = nullptr;
};

/// Whether an address is one of the internet's: not of this host or network, not private, and none
/// of those that the registries keep for other purposes. An IPv6 address that stands for an IPv4
/// address is judged as that. Python: ipaddress.ip_address(host).is_global.
[[nodiscard]] bool is_global(const SocketAddress& address);

}  // namespace asyncio
