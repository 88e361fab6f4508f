// AsyncGenerator<T>: a function that yields and awaits. Python: an asynchronous generator
// (`async def` with `yield`).
//
// The generator runs in the task that awaits its next value, inside that await, as a coroutine
// does. Between two values it belongs to nobody: a scope that is bound to the task which runs it (a
// timeout, a task group) must not span a `co_yield`, or it cancels the consumer wherever that
// happens to be (PEP 789). enter<Timeout>() in a generator is therefore refused by the compiler; a
// with() block cannot span one, since its body is a coroutine of its own.
//
// Must not know of the loop or of tasks: it reports to a GeneratorHome, which the task layer sets.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>

#include "asyncio/base/error.hpp"
#include "asyncio/base/list.hpp"
#include "asyncio/base/pool.hpp"
#include "asyncio/base/ref.hpp"
#include "asyncio/base/result.hpp"
#include "asyncio/coro/awaitable.hpp"
#include "asyncio/coro/coro.hpp"
#include "asyncio/coro/pass.hpp"

namespace asyncio {

/// The end of an async generator, for anext(). Python: StopAsyncIteration.
class StopAsyncIteration : public std::exception {
 public:
  [[nodiscard]] const char* what() const noexcept override { return "StopAsyncIteration"; }
};

template <class T>
class AsyncGenerator;

namespace detail {

class GeneratorState;

/// Who closes the generators that nobody does. Python: sys.set_asyncgen_hooks.
class GeneratorHome {
 public:
  /// `generator` is iterated for the first time, in this thread. Python: the firstiter hook.
  virtual void first_iteration(GeneratorState& generator) = 0;
  /// Nobody refers any more to a generator that stands at a yield. Whoever keeps the reference
  /// closes it; without one it is destroyed where it stands. Python: the finalizer hook.
  virtual void dropped(base::Ref<GeneratorState> generator) = 0;

 protected:
  ~GeneratorHome() = default;
};
/// The home of generators that begin in this thread; null while no loop runs.
extern constinit thread_local GeneratorHome* generator_home;

/// What a generator's handle, its steps and its frame share. The frame may go first: at its end, or
/// by pass() and raise().
class GeneratorState : public base::ListNode, public base::Pooled {
 public:
  enum class Phase : unsigned char { created, suspended, running, ended };

  GeneratorState(Frame& of, const std::source_location& defined) noexcept
      : frame(&of), where(defined) {}
  GeneratorState(const GeneratorState&) = delete;
  ~GeneratorState();

  void add_reference() noexcept { ++references_; }
  void drop_reference() noexcept {
    if (--references_ == 0) release();
  }
  /// Destroys the coroutine where it stands.
  void end() noexcept;
  /// "<async_generator object ticker at file.cpp:12>".
  [[nodiscard]] std::string repr() const;

  Frame* frame;
  std::source_location where;  // its definition
  GeneratorHome* home = nullptr;
  std::exception_ptr thrown;  // to throw at the yield
  Phase phase = Phase::created;
  bool closed = false;  // aclose() was begun: it gives no values any more
  bool orphan = false;  // its home has been told that it was dropped

 private:
  void release() noexcept;

  int references_ = 1;
};

/// One resumption of a generator: the base of what next(), athrow() and aclose() return.
class GeneratorStep {
 public:
  explicit GeneratorStep(base::Ref<GeneratorState> state) noexcept : state_(std::move(state)) {}
  GeneratorStep(GeneratorStep&& other) noexcept : state_(std::move(other.state_)) {
    ASYNCIO_DEBUG_CHECK(other.waiter_.state == Waiter::State::idle,
                        "an awaiter moved while waiting");
  }
  GeneratorStep& operator=(GeneratorStep&&) = delete;

  static constexpr bool await_ready() noexcept { return false; }

 protected:
  ~GeneratorStep() {
    if (unsettled_) [[unlikely]]
      leave();
  }

  [[nodiscard]] bool at_yield() const noexcept {
    return state_ && state_->phase == GeneratorState::Phase::suspended && !state_->closed;
  }
  /// Unless it stands at a yield: whether there is something to run at all. Otherwise the slot has
  /// the error, if there is one. `method` is Python's name, for messages.
  ASYNCIO_COLD bool begin(const char* method, base::SlotBase& slot) noexcept;
  ASYNCIO_ALWAYS_INLINE bool run(base::SlotBase& slot, const Continuation& parent) noexcept {
    state_->phase = GeneratorState::Phase::running;
    unsettled_ = true;
    return start_child(*state_->frame, waiter_, slot, parent);
  }
  /// The step is over. Python: what the coroutine of __anext__ does with its outcome.
  ASYNCIO_ALWAYS_INLINE void settle(base::SlotBase& slot) noexcept {
    if (!std::exchange(unsettled_, false)) return;
    if (state_->phase != GeneratorState::Phase::suspended) [[unlikely]]
      ended(slot);
  }

  base::Ref<GeneratorState> state_;

 private:
  ASYNCIO_COLD void ended(base::SlotBase& slot) noexcept;
  ASYNCIO_COLD void leave() noexcept;

  Waiter waiter_;
  bool unsettled_ = false;
};

/// What `co_await gen.next()` waits on.
template <class T>
class NextStep : public GeneratorStep {
 public:
  using GeneratorStep::GeneratorStep;
  NextStep(NextStep&& other) noexcept : GeneratorStep(std::move(other)) {}

  ASYNCIO_ALWAYS_INLINE bool await_suspend(Continuation parent) noexcept {
    if (!at_yield() && !begin("anext", slot_)) [[unlikely]]
      return false;
    return run(slot_, parent);
  }

  ASYNCIO_ALWAYS_INLINE std::optional<T> await_resume() {
    settle(slot_);
    if (slot_.error) [[unlikely]]
      std::rethrow_exception(std::exchange(slot_.error, nullptr));
    return std::move(slot_.value);
  }
  [[nodiscard]] std::exception_ptr error() noexcept {
    settle(slot_);
    return std::exchange(slot_.error, nullptr);
  }

  // NOLINTNEXTLINE(google-explicit-constructor): goes wherever a coroutine does
  operator Coro<std::optional<T>>() && { return as_coro(std::move(*this)); }

 protected:
  static Coro<std::optional<T>> as_coro(NextStep step) { co_return co_await pass(step); }

  base::Slot<T> slot_;
};

/// What `co_await anext(gen)` waits on: the end is an exception, or a default.
template <class T, bool kDefault>
class AnextStep final : public NextStep<T> {
 public:
  explicit AnextStep(base::Ref<GeneratorState> state) noexcept : NextStep<T>(std::move(state)) {}
  AnextStep(base::Ref<GeneratorState> state,
            T at_end) noexcept(std::is_nothrow_move_constructible_v<T>)
      : NextStep<T>(std::move(state)), default_(std::move(at_end)) {}
  AnextStep(AnextStep&&) = default;

  T await_resume() {
    std::optional<T> value = NextStep<T>::await_resume();
    if (value) return *std::move(value);
    if (!default_) throw StopAsyncIteration();
    return *std::move(default_);
  }
  [[nodiscard]] std::exception_ptr error() noexcept {
    std::exception_ptr failure = NextStep<T>::error();
    const bool at_end = !failure && !this->slot_.value && !default_;
    return at_end ? std::make_exception_ptr(StopAsyncIteration()) : failure;
  }

  // NOLINTNEXTLINE(google-explicit-constructor)
  operator Coro<T>() && { return as_coro(std::move(*this)); }

 private:
  static Coro<T> as_coro(AnextStep step) { co_return co_await pass(step); }
  std::optional<T> default_;
};

/// What `co_await gen.athrow(error)` waits on.
template <class T>
class ThrowStep final : public NextStep<T> {
 public:
  ThrowStep(base::Ref<GeneratorState> state, std::exception_ptr error) noexcept
      : NextStep<T>(std::move(state)), error_(std::move(error)) {}
  ThrowStep(ThrowStep&&) = default;

  bool await_suspend(Continuation parent) noexcept {
    if (!this->at_yield() && !this->begin("athrow", this->slot_)) return false;
    if (this->state_->phase == GeneratorState::Phase::created) {
      this->state_->end();
      this->slot_.error = std::move(error_);
      return false;
    }
    this->state_->thrown = std::move(error_);
    return this->run(this->slot_, parent);
  }

 private:
  std::exception_ptr error_;
};

/// What `co_await gen.aclose()` waits on.
class CloseStep final : public GeneratorStep {
 public:
  using GeneratorStep::GeneratorStep;

  bool await_suspend(Continuation parent) noexcept;
  void await_resume() {
    if (std::exception_ptr failure = error()) std::rethrow_exception(failure);
  }
  [[nodiscard]] std::exception_ptr error() noexcept;

  // NOLINTNEXTLINE(google-explicit-constructor)
  operator Coro<>() && { return as_coro(std::move(*this)); }

 private:
  static Coro<> as_coro(CloseStep step) { co_await pass(step); }
  base::SlotBase slot_;
  bool ran_ = false;
};

/// The await enters a resource that is bound to the task which enters it and may cancel that task.
template <class A>
concept EntersTaskScope = requires { requires std::remove_cvref_t<A>::kCancelsItsTask; };

template <class T>
struct AsyncGeneratorPromise : AwaitingFrame {
  AsyncGeneratorPromise() = default;
  ~AsyncGeneratorPromise() {
    if (state == nullptr) return;
    state->frame = nullptr;
    state->phase = GeneratorState::Phase::ended;
  }

  ASYNCIO_CORO_WRAPPER AsyncGenerator<T> get_return_object(
      std::source_location here = std::source_location::current());

  template <class A>
  ASYNCIO_ALWAYS_INLINE decltype(auto) await_transform(
      A&& a, std::source_location here = std::source_location::current()) {
    static_assert(
        !EntersTaskScope<A>,
        "this resource cancels the task that entered it, and between two values that task "
        "is elsewhere: put a with() block between the yields, or the scope around next()");
    return AwaitingFrame::await_transform(std::forward<A>(a), here);
  }

  // The value goes straight to whoever awaits it.
  struct Yielded {
    AsyncGeneratorPromise* promise;
    static constexpr bool await_ready() noexcept { return false; }
    ASYNCIO_ALWAYS_INLINE std::coroutine_handle<> await_suspend(std::coroutine_handle<>) noexcept {
      promise->state->phase = GeneratorState::Phase::suspended;
      return finished(*promise->waiter);
    }
    ASYNCIO_ALWAYS_INLINE void await_resume() {
      if (promise->state->thrown) [[unlikely]]
        std::rethrow_exception(std::exchange(promise->state->thrown, nullptr));
    }
  };
  template <class U = T>
    requires std::is_constructible_v<T, U&&>
  ASYNCIO_ALWAYS_INLINE Yielded
  yield_value(U&& value, std::source_location here = std::source_location::current()) {
    where = here;
    // While it is being closed nobody takes values; the slot is the one of an error then.
    if (!state->closed) [[likely]]
      static_cast<base::Slot<T>*>(slot)->emplace(std::forward<U>(value));
    return Yielded{this};
  }
  void return_void() noexcept {}

  GeneratorState* state = nullptr;
};

}  // namespace detail

/// Lazy: calling the function runs nothing; each `co_await next()` runs it to its next `co_yield`,
/// in the awaiting task, at the cost of an await. A value of type T is moved or copied out. Its
/// exceptions come out of next(); after one, and after the end, next() gives nullopt.
///
///   AsyncGenerator<int> ticker(int n) {
///     for (int i = 0; i < n; ++i) { co_await sleep(1s); co_yield i; }
///   }
///   auto ticks = ticker(3);
///   while (auto tick = co_await ticks.next()) use(*tick);      // async for
///
/// One that is not exhausted is closed by aclose(), best through `with(aclosing(gen), ...)`. When
/// it is dropped while its loop is open, the loop closes it in a task of its own;
/// `shutdown_asyncgens`, which run() calls, closes what is left. Cancelling next() cancels what the
/// generator waits for; the CancelledError passes through it and ends it, unless it is caught
/// there.
///
/// A generator takes no values: Python's asend() has no counterpart, since the type of `co_yield`
/// would be a second one for everybody; give it a Queue. Python: an asynchronous generator.
template <class T>
class [[nodiscard("an async generator does nothing until next() is awaited")]] AsyncGenerator {
  static_assert(std::is_object_v<T> && !std::is_const_v<T>, "yield values, or pointers to them");

 public:
  using value_type = T;
  using promise_type = detail::AsyncGeneratorPromise<T>;

  AsyncGenerator() = default;

  /// `co_await gen.next()` is std::optional<T>: the next value, or nullopt at the end, again and
  /// again. RuntimeError when another task is waiting in it. Python: anext(gen), `async for`.
  [[nodiscard]] detail::NextStep<T> next() noexcept { return detail::NextStep<T>(state_); }

  /// Throws `error` at the yield where it stands and gives what it yields next, or nullopt when it
  /// ends without the error; before the first next() it only ends. Python: gen.athrow.
  [[nodiscard]] detail::ThrowStep<T> athrow(std::exception_ptr error) noexcept {
    return detail::ThrowStep<T>(state_, std::move(error));
  }

  /// Throws GeneratorExit at the yield where it stands and awaits its end, so that cleanup which
  /// awaits is awaited. Not begun or at its end: nothing happens. RuntimeError when it yields once
  /// more or while another task is waiting in it. Cancelling passes into the cleanup. Python:
  /// gen.aclose.
  [[nodiscard]] detail::CloseStep aclose() noexcept { return detail::CloseStep(state_); }

  /// As Python's repr, with the place of the definition instead of an address.
  [[nodiscard]] std::string repr() const {
    return state_ ? state_->repr() : "<async_generator object>";
  }

 private:
  friend promise_type;
  explicit AsyncGenerator(detail::GeneratorState* state) noexcept
      : state_(base::Ref<detail::GeneratorState>::adopt(state)) {}
  AsyncGenerator(const AsyncGenerator&) = delete;

 public:
  AsyncGenerator(AsyncGenerator&&) noexcept = default;
  AsyncGenerator& operator=(AsyncGenerator&&) noexcept = default;
  ~AsyncGenerator() = default;

 private:
  template <class U>
  friend detail::AnextStep<U, false> anext(AsyncGenerator<U>& generator) noexcept;
  template <class U>
  friend detail::AnextStep<U, true> anext(AsyncGenerator<U>& generator, std::type_identity_t<U>);

  base::Ref<detail::GeneratorState> state_;
};

/// The next value; throws StopAsyncIteration at the end. Python: anext(gen).
template <class T>
[[nodiscard]] detail::AnextStep<T, false> anext(AsyncGenerator<T>& generator) noexcept {
  return detail::AnextStep<T, false>(generator.state_);
}
/// The next value, or `at_end`. Python: anext(gen, default).
template <class T>
[[nodiscard]] detail::AnextStep<T, true> anext(AsyncGenerator<T>& generator,
                                               std::type_identity_t<T> at_end) {
  return detail::AnextStep<T, true>(generator.state_, std::move(at_end));
}

/// Closes a generator at the end of a block:
///
///   co_await with(aclosing(gen), [&]() -> Coro<> { ... });
///
/// A temporary moves in and is what the block is given; a named one is used in place. Takes
/// anything with aclose(). Python: contextlib.aclosing.
template <class G>
class Aclosing {
 public:
  explicit Aclosing(G&& thing) : thing_(std::forward<G>(thing)) {}

  // NOLINTNEXTLINE(google-explicit-constructor): the block may take the generator itself
  operator std::remove_reference_t<G>&() noexcept { return thing_; }
  auto next() noexcept { return thing_.next(); }

  struct Entered {
    static constexpr bool await_ready() noexcept { return true; }
    static bool await_suspend(detail::Continuation) noexcept { return false; }
    static void await_resume() noexcept {}
    static std::exception_ptr error() noexcept { return nullptr; }
  };
  Entered aenter() noexcept { return {}; }
  auto aexit(const std::exception_ptr&) { return thing_.aclose(); }

 private:
  G thing_;
};

/// See Aclosing. Python: contextlib.aclosing.
template <class G>
[[nodiscard]] Aclosing<G> aclosing(G&& thing) {
  return Aclosing<G>(std::forward<G>(thing));
}

template <class T>
AsyncGenerator<T> detail::AsyncGeneratorPromise<T>::get_return_object(std::source_location here) {
  set_definition(here);
  state = new GeneratorState(*this, here);
  return AsyncGenerator<T>(state);
}

}  // namespace asyncio
