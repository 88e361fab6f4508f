#include "asyncio/sync/barrier.hpp"

#include "asyncio/coro/pass.hpp"
#include "asyncio/sync/condition.hpp"

namespace asyncio {

namespace {

const char* const kStates[] = {"filling", "draining", "resetting", "broken"};

}  // namespace

// What the tasks that wait hold on to: a barrier may go before them, with a main() that fails.
struct Barrier::Shared {
  Condition changed;
  int parties;
  int count = 0;  // tasks that have their number and have not left
  State state = State::filling;

  explicit Shared(int number) noexcept : parties(number) {}
  [[nodiscard]] bool broken() const noexcept { return state == State::broken; }
  [[nodiscard]] bool blocked() const noexcept {
    return state == State::draining || state == State::resetting;
  }
  void leave() {
    if (--count == 0) {
      if (blocked()) state = State::filling;
      changed.notify_all();
    }
    changed.release();
  }
};

// Throws nothing: the lock is held.
static std::exception_ptr broken_barrier(const char* why) noexcept {
  try {
    return std::make_exception_ptr(BrokenBarrierError(why));
  } catch (...) {
    return std::current_exception();  // no memory for the text
  }
}

Barrier::Barrier(int parties) {
  if (parties < 1) throw ValueError("parties must be > 0");
  shared_ = std::make_shared<Shared>(parties);
}

int Barrier::parties() const noexcept { return shared_->parties; }
int Barrier::n_waiting() const noexcept {
  return shared_->state == State::filling ? shared_->count : 0;
}
bool Barrier::broken() const noexcept { return shared_->broken(); }

// The lock of `changed` is held but for its waits. Errors travel as values: nothing is thrown.
Coro<int> Barrier::wait_in(std::shared_ptr<Shared> self) {
  co_await pass(self->changed.acquire());
  std::exception_ptr error;
  while (self->blocked() && !error) {
    const Result<bool> waited = co_await try_(self->changed.wait());
    error = waited.exception();
  }
  if (!error && self->broken()) {
    error = broken_barrier("Barrier aborted");
  }
  if (error) {
    self->changed.release();
    co_await raise(std::move(error));
  }
  const int index = self->count++;
  if (index + 1 == self->parties) {
    self->state = State::draining;
    self->changed.notify_all();
  }
  while (self->state == State::filling && !error) {
    const Result<bool> waited = co_await try_(self->changed.wait());
    error = waited.exception();
  }
  if (!error && (self->broken() || self->state == State::resetting)) {
    error = broken_barrier("Abort or reset of barrier");
  }
  self->leave();
  if (error) co_await raise(std::move(error));
  co_return index;
}

Coro<> Barrier::change_to(std::shared_ptr<Shared> self, State to) {
  co_await pass(self->changed.acquire());
  self->state = to == State::resetting && self->count == 0 ? State::filling : to;
  self->changed.notify_all();
  self->changed.release();
}

std::string Barrier::repr() const {
  std::string state = kStates[static_cast<int>(shared_->state)];
  if (!broken()) {
    state += ", waiters:" + std::to_string(n_waiting()) + "/" + std::to_string(parties());
  }
  return detail::primitive_repr("Barrier", state, 0);
}

}  // namespace asyncio
