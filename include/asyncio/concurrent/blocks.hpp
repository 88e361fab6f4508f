// Large runs of bytes - a long text, a vector of numbers - that travel beside a frame instead of in
// it: sent from where they are, and received where they are to be. A gigabyte then has to be in
// memory once on each side.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <vector>

namespace asyncio::detail {

/// What is smaller is copied into the frame: that costs less than a place in a list.
inline constexpr std::size_t kSmallestBlock = std::size_t{64} << 10;

/// Where bytes are to be put.
struct BlockToRead {
  char* data;
  std::size_t size;
};

/// Bytes to send: someone else's, or an own copy of them.
struct BlockToSend {
  const char* data;
  std::size_t size;
  std::unique_ptr<char[]> owned;

  static BlockToSend refer(const char* data, std::size_t size) { return {data, size, nullptr}; }
  static BlockToSend copy(const char* data, std::size_t size) {
    auto owned = std::make_unique_for_overwrite<char[]>(size);
    std::memcpy(owned.get(), data, size);
    const char* at = owned.get();
    return {at, size, std::move(owned)};
  }
};

using BlocksToRead = std::vector<BlockToRead>;
using BlocksToSend = std::vector<BlockToSend>;

}  // namespace asyncio::detail
