// A worker process: reads calls, does them, answers. Knows nothing of pools.
#pragma once

#include <functional>

namespace asyncio::detail {

/// The rest of this process's life: `initializer`, then calls from `channel` until its other end
/// closes. Nothing of the parent's ever runs in it: no destructor, no atexit().
[[noreturn]] void work_until_closed(int channel, const std::function<void()>& initializer);

/// From now on exit() in this process flushes what was printed and runs nothing that was
/// registered before.
void forget_exit_handlers();

}  // namespace asyncio::detail
