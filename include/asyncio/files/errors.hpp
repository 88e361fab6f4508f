// What goes wrong with files beside OSError and its kin.
#pragma once

#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>

#include "asyncio/base/error.hpp"

namespace asyncio {

/// Bytes that are no text, or text that is none. Python: UnicodeError.
class UnicodeError : public ValueError {
 public:
  using ValueError::ValueError;
};

/// What a file has is not UTF-8. The bytes are still there: seek, or open the file as binary.
/// Python: UnicodeDecodeError.
class UnicodeDecodeError : public UnicodeError {
 public:
  /// `start` counts bytes from the beginning of the file, or of what was read of a pipe.
  UnicodeDecodeError(std::int64_t start, std::int64_t end, unsigned char first,
                     std::string_view reason);
  std::int64_t start;  ///< the first byte that does not fit
  std::int64_t end;    ///< behind the last one
  std::string reason;  ///< "invalid start byte", ...
};

/// A text to be written is not UTF-8. Python: UnicodeEncodeError.
class UnicodeEncodeError : public UnicodeError {
 public:
  using UnicodeError::UnicodeError;
};

namespace files {

/// What this file, as it was opened, does not do: "not readable". Python: io.UnsupportedOperation.
class UnsupportedOperation : public OSError {
 public:
  explicit UnsupportedOperation(std::string_view text) : OSError(EBADF, text, {}) {}
};

}  // namespace files
}  // namespace asyncio
