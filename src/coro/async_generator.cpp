#include "asyncio/coro/async_generator.hpp"

#include "asyncio/coro/generator.hpp"

namespace asyncio::detail {

constinit thread_local GeneratorHome* generator_home = nullptr;

GeneratorState::~GeneratorState() { end(); }

void GeneratorState::end() noexcept {
  phase = Phase::ended;
  base::ListNode::unlink();
  if (frame != nullptr) frame->self().destroy();
}

void GeneratorState::release() noexcept {
  GeneratorHome* closer = std::exchange(home, nullptr);
  if (closer == nullptr || phase != Phase::suspended || closed) {
    delete this;
    return;
  }
  references_ = 1;
  try {
    closer->dropped(base::Ref<GeneratorState>::adopt(this));
  } catch (...) {
    // No memory for what would close it: the reference was dropped once more, and so is the frame.
  }
}

std::string GeneratorState::repr() const {
  return "<async_generator object " + short_name(where.function_name()) + " at " +
         where.file_name() + ":" + std::to_string(where.line()) + ">";
}

bool GeneratorStep::begin(const char* method, base::SlotBase& slot) noexcept {
  using Phase = GeneratorState::Phase;
  if (!state_) return false;
  if (state_->phase == Phase::running) {
    slot.error = std::make_exception_ptr(
        RuntimeError(std::string(method) + "(): asynchronous generator is already running"));
    return false;
  }
  if (state_->phase == Phase::ended || state_->closed) return false;
  if (state_->phase == Phase::created) {
    try {
      state_->home = generator_home;
      if (generator_home != nullptr) generator_home->first_iteration(*state_);
    } catch (...) {
      slot.error = std::current_exception();
      return false;
    }
  }
  return true;
}

void GeneratorStep::ended(base::SlotBase& slot) noexcept {
  state_->end();
  if (!slot.error) return;
  // It would look like the end of whoever iterates.
  const char* name = nullptr;
  if (base::exception_is<StopAsyncIteration>(slot.error)) name = "StopAsyncIteration";
  if (base::exception_is<StopIteration>(slot.error)) name = "StopIteration";
  if (name != nullptr) {
    slot.error =
        std::make_exception_ptr(RuntimeError(std::string("async generator raised ") + name));
  }
}

// The await goes and nobody has looked. What it waits for goes with it: the generator has ended.
void GeneratorStep::leave() noexcept {
  if (waiter_.state == Waiter::State::done) {
    base::SlotBase nobody;
    return settle(nobody);
  }
  Frame* frame = state_->frame;
  state_->phase = GeneratorState::Phase::ended;
  if (waiter_.exiting) waiter_.handle.destroy();
  if (frame != nullptr && !waiter_.child_gone) frame->self().destroy();
}

bool CloseStep::await_suspend(Continuation parent) noexcept {
  if (!at_yield() && !begin("aclose", slot_)) return false;
  state_->closed = true;
  if (state_->phase == GeneratorState::Phase::created) {
    state_->end();
    return false;
  }
  state_->thrown = std::make_exception_ptr(GeneratorExit());
  ran_ = true;
  return run(slot_, parent);
}

std::exception_ptr CloseStep::error() noexcept {
  if (!ran_) return std::exchange(slot_.error, nullptr);
  ran_ = false;
  if (base::exception_is<StopAsyncIteration>(slot_.error)) slot_.error = nullptr;
  settle(slot_);
  if (state_->phase == GeneratorState::Phase::suspended) {
    return std::make_exception_ptr(RuntimeError("async generator ignored GeneratorExit"));
  }
  if (base::exception_is<GeneratorExit>(slot_.error)) slot_.error = nullptr;
  return std::exchange(slot_.error, nullptr);
}

}  // namespace asyncio::detail
