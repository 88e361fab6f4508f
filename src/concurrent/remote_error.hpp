// An exception as bytes, and an exception again.
#pragma once

#include <exception>
#include <string>
#include <string_view>

namespace asyncio::detail {

/// In the worker: its type, its text, an error number, the process.
[[nodiscard]] std::string pack_error(const std::exception_ptr& error);
/// In the pool. An error of a known type is one of that type, and a RemoteCause beside it.
[[nodiscard]] std::exception_ptr unpack_error(std::string_view bytes);

}  // namespace asyncio::detail
