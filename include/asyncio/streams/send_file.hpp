// A file through a connection. For the library: programs call loop.sendfile().
#pragma once

#include <cstddef>

#include "asyncio/coro/coro.hpp"
#include "asyncio/io/sendfile_options.hpp"
#include "asyncio/streams/transport.hpp"
#include "asyncio/streams/writer.hpp"

namespace asyncio::detail {

/// Sends what is unsent first. How many bytes were sent; the file stands behind them afterwards,
/// also when it fails or is cancelled.
Coro<std::size_t> send_file(Ref<Connection> connection, int file, SendfileOptions options);
/// The same, and reads nothing meanwhile.
Coro<std::size_t> send_file(Transport transport, int file, SendfileOptions options);

}  // namespace asyncio::detail
