// Barrier: tasks wait for each other.
#pragma once

#include <exception>
#include <memory>
#include <stdexcept>
#include <string>

#include "asyncio/base/error.hpp"
#include "asyncio/coro/coro.hpp"
#include "asyncio/task/immediate.hpp"

namespace asyncio {

/// The barrier was reset while the task waited, or is broken. Python: asyncio.BrokenBarrierError.
class BrokenBarrierError : public RuntimeError {
 public:
  using RuntimeError::RuntimeError;
};

/// Holds tasks until `parties` of them wait, then lets all of these go and begins anew. A task that
/// comes while they go, or while the barrier is being reset, waits until the last has gone.
///
///   int index = co_await barrier.wait();
///   co_await with(barrier, [](int index) -> Coro<> { ... });   // waits, then runs the block
///
/// Bound to the loop of the first task that had to wait: RuntimeError elsewhere. Loop thread
/// only. Python: asyncio.Barrier.
class Barrier {
  enum class State : unsigned char { filling, draining, resetting, broken };

 public:
  /// ValueError for less than 1.
  explicit Barrier(int parties);
  Barrier(const Barrier&) = delete;
  Barrier& operator=(const Barrier&) = delete;

  /// Waits until `parties` tasks do. Each gets another number from 0 to parties - 1, in the order
  /// in which they came. BrokenBarrierError when the barrier is broken, or reset() or abort() is
  /// called meanwhile. A cancelled task just leaves. Python: Barrier.wait.
  ASYNCIO_CORO_WRAPPER Coro<int> wait() { return wait_in(shared_); }
  /// BrokenBarrierError for all who wait; the barrier begins anew once they have gone, also when it
  /// was broken. Python: Barrier.reset.
  ASYNCIO_CORO_WRAPPER Coro<> reset() { return change_to(shared_, State::resetting); }
  /// BrokenBarrierError for all who wait and who come, until reset(). Python: Barrier.abort.
  ASYNCIO_CORO_WRAPPER Coro<> abort() { return change_to(shared_, State::broken); }

  /// Python: Barrier.parties.
  [[nodiscard]] int parties() const noexcept;
  /// How many wait; 0 while they go. Python: Barrier.n_waiting.
  [[nodiscard]] int n_waiting() const noexcept;
  /// Python: Barrier.broken.
  [[nodiscard]] bool broken() const noexcept;
  /// "<asyncio.Barrier [filling, waiters:1/3]>". Python: repr.
  [[nodiscard]] std::string repr() const;

  // For with(). Python: __aenter__, __aexit__.
  ASYNCIO_CORO_WRAPPER Coro<int> aenter() { return wait(); }
  static detail::Immediate aexit(const std::exception_ptr&) { return detail::Immediate(); }

 private:
  struct Shared;

  static Coro<int> wait_in(std::shared_ptr<Shared> self);
  static Coro<> change_to(std::shared_ptr<Shared> self, State to);

  std::shared_ptr<Shared> shared_;
};

}  // namespace asyncio
