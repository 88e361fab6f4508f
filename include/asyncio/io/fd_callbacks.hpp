// Callbacks for descriptors that are not ours: add_reader, add_writer, and the waits of sock_*.
//
// A backend tells edges. Here they become levels, as Python has them: a callback is called in each
// turn in which its descriptor is ready. So each call is followed by a look at the descriptor.
#pragma once

#include "asyncio/base/function.hpp"
#include "asyncio/loop/descriptor.hpp"
#include "asyncio/loop/handle.hpp"

namespace asyncio {

class Scheduler;

namespace detail {

using FdCallback = base::UniqueFunction<void()>;

/// From now on `callback` runs in each turn in which `fd` is ready in this direction. It replaces
/// the one before, which is not called again. Errors: ValueError for a negative number;
/// RuntimeError when a transport of the loop owns it, or a task waits for it; OSError's kin
/// otherwise, such as PermissionError for a regular file.
void add_fd_callback(Scheduler& scheduler, int fd, Descriptor::Direction direction,
                     FdCallback callback, const CallbackOptions& options);
/// Whether there was one; false also when the loop is closed.
bool remove_fd_callback(Scheduler& scheduler, int fd, Descriptor::Direction direction);

/// One task at a time waits for a direction of a descriptor; a callback there is replaced. The
/// listener hears edges and tries by itself. 0, -EBUSY when another task waits, or -errno.
int listen_to_fd(Scheduler& scheduler, int fd, Descriptor::Direction direction,
                 ReadinessListener& listener) noexcept;
/// No effect when it is not the one that listens. The descriptor stays registered, for the next
/// wait, until forget_fd().
void stop_listening_to_fd(Scheduler& scheduler, int fd, Descriptor::Direction direction,
                          const ReadinessListener& listener) noexcept;
/// The owner is about to close it or give it away: whoever waits is woken, no callback is called
/// again.
void forget_fd(Scheduler& scheduler, int fd) noexcept;

/// Descriptors that a Socket of the loop owns: nobody else may register them.
void note_owned_fd(Scheduler& scheduler, int fd, bool owned) noexcept;

}  // namespace detail
}  // namespace asyncio
