#include "tools/asyncio/atomic_file.hpp"

#include <asyncio/files.hpp>

#include "tools/asyncio/errors.hpp"
#include "tools/asyncio/text.hpp"

namespace asyncio::tool {
namespace {

Coro<> replace(std::string path, std::string_view text) {
  Result<FileStatus> status = co_await try_(files::os::stat(path));
  const bool special = status.ok() && !status.value().is_file();
  if (special) {
    co_await files::write_bytes(path, text);
  } else {
    co_await files::write_atomic(path, text);
  }
}

}  // namespace

void write_file_atomically(const std::string& path, std::string_view text) {
  try {
    asyncio::run(replace(path, text));
  } catch (const OSError& error) {
    throw system_error(error.error(), "write", quote(path));
  }
}

}  // namespace asyncio::tool
