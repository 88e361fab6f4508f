// Starting a program: what happens between our process and the new one.
#pragma once

#include <sys/types.h>

#include "asyncio/loop/spawn_request.hpp"

namespace asyncio::detail {

/// Gives the number of the child, or -errno; the caller's thread waits until the program runs.
/// `pidfd` may be null for a kernel that has none (-EINVAL or -ENOSYS tells). Nothing of the fork
/// handlers runs, and the child, which shares our memory until it is the other program, makes
/// system calls only.
pid_t spawn_process(const SpawnRequest& request, int* pidfd);

}  // namespace asyncio::detail
