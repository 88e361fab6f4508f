// OpenSSL's randomness as part of a simulated world: the same seed gives the same handshakes.
#pragma once

#include <cstdint>

namespace asyncio::test {

/// While it lives, all that OpenSSL draws in this process comes from `seed`: keys, nonces, and so
/// the very bytes on the wire. One at a time; nothing of it is secret. For tests that must be had
/// again.
class OpensslChance {
 public:
  explicit OpensslChance(std::uint64_t seed) noexcept;
  OpensslChance(const OpensslChance&) = delete;
  OpensslChance& operator=(const OpensslChance&) = delete;
  ~OpensslChance();
};

}  // namespace asyncio::test
