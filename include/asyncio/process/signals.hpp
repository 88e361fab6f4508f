// Signals as callbacks of a loop: what EventLoop::add_signal_handler and remove_signal_handler do.
#pragma once

#include "asyncio/base/function.hpp"

namespace asyncio {

class Scheduler;

namespace detail {

/// Calls `callback` in a turn of `scheduler` for each time that `signal` came, in the context of
/// this call; it replaces the handler before, of whichever loop. ValueError for a number that is no
/// signal's, RuntimeError for one that cannot be caught, outside of the main thread, and when the
/// loop is closed.
void add_signal_handler(Scheduler& scheduler, int signal, base::UniqueFunction<void()> callback);

/// The default comes back, and the callback is not called any more, not even for a signal that came
/// before. False when this loop had no handler for it; ValueError as above.
bool remove_signal_handler(Scheduler& scheduler, int signal);

}  // namespace detail
}  // namespace asyncio
