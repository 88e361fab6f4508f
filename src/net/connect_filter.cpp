#include "asyncio/net/connect_filter.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace asyncio {
namespace {

using Bytes = std::array<std::uint8_t, 16>;

// The first bits of an address.
struct Prefix {
  Bytes bytes;
  unsigned bits;

  [[nodiscard]] bool covers(std::span<const std::uint8_t> address) const noexcept {
    for (unsigned bit = 0; bit < bits; bit += 8) {
      const unsigned left = std::min(8U, bits - bit);
      const unsigned mask = 0xffU << (8 - left) & 0xffU;
      if (((bytes[bit / 8] ^ address[bit / 8]) & mask) != 0) return false;
    }
    return true;
  }
};

bool any_covers(std::span<const Prefix> prefixes, std::span<const std::uint8_t> address) noexcept {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](const Prefix& prefix) { return prefix.covers(address); });
}

// The registries of special-purpose addresses, as CPython's ipaddress has them.
constexpr auto kNotGlobalV4 = std::to_array<Prefix>({
    {{0}, 8},              // "this network"
    {{10}, 8},             // private
    {{100, 64}, 10},       // shared
    {{127}, 8},            // loopback
    {{169, 254}, 16},      // link-local, and where clouds keep their metadata
    {{172, 16}, 12},       // private
    {{192, 0, 0}, 24},     // protocol assignments
    {{192, 0, 2}, 24},     // documentation
    {{192, 168}, 16},      // private
    {{198, 18}, 15},       // benchmarks
    {{198, 51, 100}, 24},  // documentation
    {{203, 0, 113}, 24},   // documentation
    {{240}, 4},            // reserved, and broadcast
});
constexpr auto kGlobalV4 = std::to_array<Prefix>({
    {{192, 0, 0, 9}, 32},   // port control protocol
    {{192, 0, 0, 10}, 32},  // TURN
});

constexpr auto kNotGlobalV6 = std::to_array<Prefix>({
    {{0}, 127},                            // unspecified, loopback
    {{0x00, 0x64, 0xff, 0x9b, 0, 1}, 48},  // translation within a site
    {{0x01, 0x00}, 64},                    // discard
    {{0x20, 0x01}, 23},                    // protocol assignments
    {{0x20, 0x01, 0x0d, 0xb8}, 32},        // documentation
    {{0x20, 0x02}, 16},                    // 6to4
    {{0x3f, 0xff}, 20},                    // documentation
    {{0xfc}, 7},                           // private
    {{0xfe, 0x80}, 10},                    // link-local
});
constexpr auto kGlobalV6 = std::to_array<Prefix>({
    {{0x20, 0x01, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128},  // port control protocol
    {{0x20, 0x01, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}, 128},  // TURN
    {{0x20, 0x01, 0, 3}, 32},                                       // AMT
    {{0x20, 0x01, 0, 4, 0x01, 0x12}, 48},                           // AS112
    {{0x20, 0x01, 0, 0x20}, 28},                                    // ORCHIDv2
    {{0x20, 0x01, 0, 0x30}, 28},                                    // drone identities
});
// What stands for the IPv4 address in its last four bytes: mapped, and translated.
constexpr auto kStandsForV4 = std::to_array<Prefix>({
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96},
    {{0x00, 0x64, 0xff, 0x9b}, 96},
});

bool is_global_v4(std::span<const std::uint8_t> address) noexcept {
  return !any_covers(kNotGlobalV4, address) || any_covers(kGlobalV4, address);
}

bool is_global_v6(std::span<const std::uint8_t> address) noexcept {
  if (any_covers(kStandsForV4, address)) return is_global_v4(address.last(4));
  return !any_covers(kNotGlobalV6, address) || any_covers(kGlobalV6, address);
}

}  // namespace

bool is_global(const SocketAddress& address) {
  if (address.family() == AF_INET) {
    const auto* v4 = static_cast<const sockaddr_in*>(address.data());
    return is_global_v4({reinterpret_cast<const std::uint8_t*>(&v4->sin_addr), 4});
  }
  if (address.family() == AF_INET6) {
    const auto* v6 = static_cast<const sockaddr_in6*>(address.data());
    return is_global_v6({v6->sin6_addr.s6_addr, 16});
  }
  return false;
}

}  // namespace asyncio
