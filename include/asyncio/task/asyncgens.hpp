// Closing async generators that nobody closes: what loop.shutdown_asyncgens() and run() stand on.
#pragma once

#include "asyncio/coro/coro.hpp"

namespace asyncio {

class Scheduler;

namespace detail {

/// Closes all generators that began in this loop and stand at a yield, at once, each in a task.
/// Errors go to the exception handler. Generators that begin later are warned of.
[[nodiscard]] Coro<> shutdown_asyncgens(Scheduler& scheduler);

/// Whether there is any; without one the shutdown needs no turn of the loop.
[[nodiscard]] bool has_asyncgens(const Scheduler& scheduler) noexcept;

}  // namespace detail
}  // namespace asyncio
