// Sockets as values, and the calls of the loop on them: `#include <asyncio/socket.hpp>`. Streams,
// the normal way to use a network, need none of this. Python: the modules socket and asyncio.
#pragma once

#include "asyncio/io/plain_socket.hpp"
#include "asyncio/io/sock_calls.hpp"
#include "asyncio/net/existing_sockets.hpp"
#include "asyncio/run/event_loop.hpp"
