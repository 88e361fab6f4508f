// An address of a socket, as a value without the platform's headers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace asyncio {

/// IPv4, IPv6 or Unix. Holds the kernel's own form (sockaddr) as bytes.
class SocketAddress {
 public:
  static constexpr std::size_t kCapacity = 128;

  SocketAddress() = default;

  /// From a numeric host ("127.0.0.1", "::1", "fe80::1%2") and port; false when `host` is a name.
  static bool parse(std::string_view host, std::uint16_t port, SocketAddress& out);
  /// From a path; a leading NUL makes it abstract. Throws OSError when it is too long.
  static SocketAddress unix_path(std::string_view path);

  /// AF_INET, AF_INET6 or AF_UNIX; AF_UNSPEC (0) when empty.
  [[nodiscard]] int family() const noexcept;
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  /// Numeric host, without the port; the path of a Unix address.
  [[nodiscard]] std::string host() const;
  /// 0 for a Unix address.
  [[nodiscard]] std::uint16_t port() const noexcept;
  /// "127.0.0.1:80", "[::1]:80", "/run/x.sock".
  [[nodiscard]] std::string to_string() const;

  // For backends: the kernel's form.
  [[nodiscard]] const void* data() const noexcept { return bytes_.data(); }
  [[nodiscard]] void* data() noexcept { return bytes_.data(); }
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
  void set_size(std::uint32_t size) noexcept { size_ = size; }

  bool operator==(const SocketAddress& other) const noexcept;

 private:
  alignas(8) std::array<std::byte, kCapacity> bytes_{};
  std::uint32_t size_ = 0;
};

}  // namespace asyncio
