// Names for temporary files that nobody can guess.
#pragma once

#include <string>

#include "asyncio/loop/backend.hpp"

namespace asyncio::detail {

/// Eight characters, from Python's alphabet.
[[nodiscard]] inline std::string random_name(Backend& backend) {
  constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789_";
  std::uint64_t chance = backend.random();
  std::string name(8, '_');
  for (char& letter : name) {
    letter = kAlphabet[chance % kAlphabet.size()];
    chance /= kAlphabet.size();
  }
  return name;
}

}  // namespace asyncio::detail
