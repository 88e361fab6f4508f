#include "asyncio/sync/barrier.hpp"

#include "asyncio/coro/pass.hpp"

namespace asyncio {

namespace {

const char* const kStates[] = {"filling", "draining", "resetting", "broken"};

}  // namespace

Barrier::Barrier(int parties) : parties_(parties) {
  if (parties < 1) throw ValueError("parties must be > 0");
}

// The lock of `changed_` is held but for its waits. Errors travel as values: nothing is thrown.
Coro<int> Barrier::wait() {
  co_await pass(changed_.acquire());
  std::exception_ptr error;
  while (blocked() && !error) {
    const Result<bool> waited = co_await try_(changed_.wait());
    error = waited.exception();
  }
  if (!error && broken()) error = std::make_exception_ptr(BrokenBarrierError("Barrier aborted"));
  if (error) {
    changed_.release();
    co_await raise(std::move(error));
  }
  const int index = count_++;
  if (index + 1 == parties_) {
    state_ = State::draining;
    changed_.notify_all();
  }
  while (state_ == State::filling && !error) {
    const Result<bool> waited = co_await try_(changed_.wait());
    error = waited.exception();
  }
  if (!error && (broken() || state_ == State::resetting)) {
    error = std::make_exception_ptr(BrokenBarrierError("Abort or reset of barrier"));
  }
  leave();
  if (error) co_await raise(std::move(error));
  co_return index;
}

void Barrier::leave() {
  if (--count_ == 0) {
    if (blocked()) state_ = State::filling;
    changed_.notify_all();
  }
  changed_.release();
}

Coro<> Barrier::reset() {
  co_await pass(changed_.acquire());
  state_ = count_ > 0 ? State::resetting : State::filling;
  changed_.notify_all();
  changed_.release();
}

Coro<> Barrier::abort() {
  co_await pass(changed_.acquire());
  state_ = State::broken;
  changed_.notify_all();
  changed_.release();
}

std::string Barrier::repr() const {
  std::string state = kStates[static_cast<int>(state_)];
  if (!broken()) {
    state += ", waiters:" + std::to_string(n_waiting()) + "/" + std::to_string(parties_);
  }
  return detail::primitive_repr("Barrier", state, 0);
}

}  // namespace asyncio
