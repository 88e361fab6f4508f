// What reading from a stream can fail with, beside OSError.
#pragma once

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>

#include "asyncio/base/error.hpp"

namespace asyncio {

/// The stream ended before the read was complete. Python: asyncio.IncompleteReadError.
class IncompleteReadError : public EOFError {
 public:
  IncompleteReadError(std::string partial_data, std::optional<std::size_t> expected_size);

  /// What was read before the end.
  std::string partial;
  /// How many bytes were asked for; empty when it was a separator.
  std::optional<std::size_t> expected;
};

/// The limit was reached while looking for a separator; the data stays in the reader.
/// Python: asyncio.LimitOverrunError.
class LimitOverrunError : public std::runtime_error {
 public:
  LimitOverrunError(const char* message, std::size_t consumed_size)
      : std::runtime_error(message), consumed(consumed_size) {}

  /// How many bytes to read to get past what was too long.
  std::size_t consumed;
};

}  // namespace asyncio
