// The end of a loop, in the order in which nothing is lost. What run() and the workers stand on.
#pragma once

namespace asyncio {

class Scheduler;

namespace detail {

/// Cancels the tasks that still run and waits for their end, then for the async generators, then
/// for the default executor (300 s), and closes the loop, also when one of these throws. What tasks
/// fail with goes to the exception handler. Python: asyncio.Runner.close.
void close_in_order(Scheduler& scheduler);

}  // namespace detail
}  // namespace asyncio
