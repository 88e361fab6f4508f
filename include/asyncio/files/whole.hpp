// Files as a whole: one hop to a worker thread for all of it, and none to read up to 1 MiB that the
// kernel has in its cache. Python: pathlib's names.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "asyncio/files/call.hpp"

namespace asyncio::files {

/// All that is in the file. Errors: OSError and its kin, ValueError("embedded null byte").
/// Python: pathlib.Path.read_bytes.
[[nodiscard]] detail::FileResult<std::string> read_bytes(std::string_view path);
/// The same, which must be UTF-8 (else UnicodeDecodeError); "\r\n" and "\r" are read as "\n".
/// Python: pathlib.Path.read_text.
[[nodiscard]] detail::FileResult<std::string> read_text(std::string_view path);
/// Makes the file or empties it, and writes `data`; gives its size. When it is cancelled or fails
/// the file may have a part of it. Python: pathlib.Path.write_bytes.
[[nodiscard]] detail::FileResult<std::size_t> write_bytes(std::string_view path,
                                                          std::string_view data);
/// The same; gives the number of characters. Python: pathlib.Path.write_text.
[[nodiscard]] detail::FileResult<std::size_t> write_text(std::string_view path,
                                                         std::string_view text);
/// The file has what it had before or all of `data`, whatever happens, a loss of power included: it
/// is written beside its place under a random name, flushed to the disk, and renamed. A link at
/// `path` is replaced itself; permissions of a file that was there are kept. After a crash a file
/// ".NAME.xxxxxxxx.tmp" may be left over. Gives the size.
[[nodiscard]] detail::FileResult<std::size_t> write_atomic(std::string_view path,
                                                           std::string_view data);

}  // namespace asyncio::files
