// Ctrl-C for a loop.
#pragma once

#include "asyncio/base/function.hpp"

namespace asyncio {

class Scheduler;

/// While it lives, SIGINT runs `on_interrupt` in the loop's next turn instead of ending the
/// process. Installed only from the main thread and only while SIGINT has its default disposition,
/// as CPython's Runner does; otherwise it does nothing. When Ctrl-C comes again before the loop has
/// noticed the first (it is stuck in a callback), the process ends as it would without us. A
/// handler that the program sets meanwhile replaces it, and stays.
class InterruptGuard {
 public:
  InterruptGuard(Scheduler& scheduler, base::UniqueFunction<void()> on_interrupt);
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  ~InterruptGuard();

  [[nodiscard]] bool installed() const noexcept { return scheduler_ != nullptr; }

 private:
  Scheduler* scheduler_ = nullptr;
};

namespace detail {

/// What SIGINT does while nobody else wants it: the handler of the guard that lives, or the
/// default.
[[nodiscard]] void (*interrupt_disposition() noexcept)(int);

}  // namespace detail
}  // namespace asyncio
