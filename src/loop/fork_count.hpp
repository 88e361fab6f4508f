// Whether this process is a forked child of the one in which something was made.
#pragma once

namespace asyncio::detail {

/// How many forks lie between this process and the first that asked: it differs in a child. A load,
/// where getpid() is a system call. (A child made by a bare clone() is not seen.)
[[nodiscard]] unsigned fork_count() noexcept;

/// Calls `forget` in every child from now on, on its one thread, the one that forked.
void in_forked_child(void (*forget)()) noexcept;

}  // namespace asyncio::detail
