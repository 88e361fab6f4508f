// nest_asyncio::apply(): a loop that may be run while it runs, as programs for notebooks expect.
#pragma once

#include "asyncio/run/event_loop.hpp"

namespace asyncio::nest_asyncio {

/// From now on run_until_complete(), run_forever() and asyncio::run() inside a callback or
/// coroutine of `loop` turn the same loop from there until they are done: its other tasks make
/// progress, the one that calls stands still. asyncio::run() then uses this loop and leaves it
/// open. Without this they refuse with RuntimeError, as asyncio does.
///
/// The inner run has to end before the outer one can: what the outer one waits for may be done long
/// before. stop() ends the innermost. 100 runs inside each other are RecursionError. An await is
/// nearly always the better way. Python: the package nest_asyncio.
void apply(EventLoop& loop = get_event_loop());

}  // namespace asyncio::nest_asyncio
