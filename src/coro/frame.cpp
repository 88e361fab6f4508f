#include "asyncio/coro/frame.hpp"

#include <array>
#include <cstddef>
#include <functional>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "asyncio/base/error.hpp"
#include "asyncio/base/log.hpp"
#include "asyncio/base/pool.hpp"
#include "asyncio/coro/coro.hpp"

namespace asyncio {

template class Coro<void>;

namespace detail {

constinit thread_local unsigned recursion_depth = 0;

#if ASYNCIO_GCC_FRAME_BUG

namespace {

// The promise lies two words behind the handle that the library uses.
Frame& frame_at(void* handle) noexcept {
  return *reinterpret_cast<Frame*>(static_cast<char*>(handle) + 2 * sizeof(void*));
}

}  // namespace

// Puts our own two functions where the handle of the promise points to; they call the compiler's
// with the address it really uses. From then on both handles mean the same coroutine.
void Frame::repair(void* frame) noexcept {
  auto** words = static_cast<void**>(self().address());
  repaired_resume = reinterpret_cast<void (*)(void*)>(words[0]);
  repaired_destroy = reinterpret_cast<void (*)(void*)>(words[1]);
  true_frame = frame;
  const auto resume = +[](void* handle) {
    Frame& frame_of = frame_at(handle);
    frame_of.repaired_resume(frame_of.true_frame);
  };
  const auto destroy = +[](void* handle) {
    Frame& frame_of = frame_at(handle);
    frame_of.repaired_destroy(frame_of.true_frame);
  };
  words[0] = reinterpret_cast<void*>(resume);
  words[1] = reinterpret_cast<void*>(destroy);
}

#endif

void fail_recursion(Waiter& waiter, base::SlotBase& slot) noexcept {
  waiter.state = Waiter::State::done;
  slot.error = std::make_exception_ptr(
      RecursionError("maximum recursion depth exceeded: 5000 coroutines await each other without "
                     "one that suspends"));
}

void drop_child(Frame& child, Waiter& waiter) noexcept {
  if (waiter.exiting) waiter.handle.destroy();
  if (waiter.child_gone) return;
  if (child.waiter == nullptr) report_never_awaited(child);
  child.self().destroy();
}

void drop_exits(PendingExit* exits) noexcept {
  while (exits != nullptr) delete std::exchange(exits, exits->next);
}

namespace {

// What is there when no memory is: exits must run, or a lock stays locked for ever. Blocks of one
// size, a few for each thread, as the C++ runtime has them for exceptions.
template <std::size_t kSize, std::size_t kCount>
class Reserve {
 public:
  void* take() noexcept {
    for (std::size_t i = 0; i < kCount; ++i) {
      if (!std::exchange(used_[i], true)) return blocks_[i].data();
    }
    return nullptr;
  }
  /// False when it is not of here.
  bool give_back(const void* memory) noexcept {
    const std::less<const void*> before;
    if (before(memory, blocks_.data()) || !before(memory, blocks_.data() + kCount)) return false;
    used_[static_cast<std::size_t>(static_cast<const Block*>(memory) - blocks_.data())] = false;
    return true;
  }

 private:
  struct alignas(std::max_align_t) Block : std::array<std::byte, kSize> {};
  std::array<Block, kCount> blocks_{};
  std::array<bool, kCount> used_{};
};
constinit thread_local Reserve<64, 16> exit_reserve;

// Runs the exits of a coroutine whose body is over, one after another, then hands its outcome on.
// While it runs it stands in the place of the waiter's continuation, and the waiter's owner
// destroys it should the program end first.
class ExitRunner : FakeFrame {
 public:
  ExitRunner(PendingExit* exits, Waiter& waiter, base::SlotBase& slot) noexcept
      : exits_(exits), waiter_(&waiter), slot_(&slot), next_(waiter.handle) {
    this->resume = [](FakeFrame* fake) { static_cast<ExitRunner*>(fake)->advance().resume(); };
    this->destroy = [](FakeFrame* fake) { delete static_cast<ExitRunner*>(fake); };
    waiter.handle = handle();
    waiter.exiting = true;
  }
  ExitRunner(const ExitRunner&) = delete;

  static void* operator new(std::size_t size) {
    try {
      return base::Pool::allocate(size);
    } catch (const std::bad_alloc&) {
      void* memory = exit_reserve.take();
      ASYNCIO_CHECK(memory != nullptr, "no memory to leave a coroutine with enter()");
      return memory;
    }
  }
  static void operator delete(void* memory, std::size_t size) noexcept {
    if (!exit_reserve.give_back(memory)) base::Pool::deallocate(memory, size);
  }

  std::coroutine_handle<> advance() noexcept {
    while (exits_ != nullptr) {
      if (!std::exchange(begun_, true) &&
          exits_->start(Continuation(handle(), waiter_->parent), slot_->error)) {
        return std::noop_coroutine();
      }
      begun_ = false;
      slot_->error = exits_->outcome();
      delete std::exchange(exits_, exits_->next);
    }
    Waiter& waiter = *waiter_;
    waiter.handle = next_;
    waiter.exiting = false;
    delete this;
    return finished(waiter);
  }

 private:
  ~ExitRunner() { drop_exits(exits_); }

  PendingExit* exits_;
  Waiter* waiter_;
  base::SlotBase* slot_;
  std::coroutine_handle<> next_;
  bool begun_ = false;
};

static_assert(sizeof(ExitRunner) <= 64);

}  // namespace

std::coroutine_handle<> run_exits(PendingExit* exits, Waiter& waiter,
                                  base::SlotBase& slot) noexcept {
  return (new ExitRunner(exits, waiter, slot))->advance();
}

std::coroutine_handle<> propagate(Frame& frame, std::exception_ptr error) noexcept {
  Waiter& waiter = *frame.waiter;
  base::SlotBase& slot = *frame.slot;
  PendingExit* exits = std::exchange(frame.exits, nullptr);
  note_error(frame, error);
  frame.self().destroy();
  waiter.child_gone = true;
  slot.error = std::move(error);
  return exits != nullptr ? run_exits(exits, waiter, slot) : finished(waiter);
}

namespace {

// gcc ends with " [with T = int]", clang with " [T = int]".
std::string_view without_template_arguments(std::string_view name) {
  if (!name.ends_with(']')) return name;
  int depth = 0;
  for (auto at = name.size(); at-- > 0;) {
    if (name[at] == ']') ++depth;
    if (name[at] == '[' && --depth == 0) return name.substr(0, at);
  }
  return name;
}

// Cuts "(int, char) const" off the end: everything from the parenthesis that opens the parameter
// list. Parentheses also occur before it, as in "(anonymous namespace)".
std::string_view without_parameters(std::string_view name) {
  name = without_template_arguments(name);
  const auto close = name.rfind(')');
  if (close == std::string_view::npos) return name;
  int depth = 0;
  for (auto at = close + 1; at-- > 0;) {
    if (name[at] == ')') ++depth;
    if (name[at] == '(' && --depth == 0) return name.substr(0, at);
  }
  return name;
}

// The result type ends at the last space that is not inside <> or ().
std::string_view without_result(std::string_view name) {
  int depth = 0;
  for (auto at = name.size(); at-- > 0;) {
    const char c = name[at];
    if (c == '>' || c == ')') ++depth;
    if (c == '<' || c == '(') --depth;
    if (c == ' ' && depth == 0) return name.substr(at + 1);
  }
  return name;
}

}  // namespace

std::string short_name(const char* function_name) {
  // A template may have been given a lambda, and is none for that.
  const std::string_view whole = without_template_arguments(function_name);
  // gcc writes "f()::<lambda(int)>", clang "f()::(anonymous class)::operator()(int) const".
  if (whole.find("<lambda") != std::string_view::npos ||
      whole.find("(anonymous class)::operator()") != std::string_view::npos) {
    return "<lambda>";
  }
  std::string name(without_result(without_parameters(whole)));
  for (const std::string_view hidden :
       {"(anonymous namespace)::", "{anonymous}::", "<unnamed>::"}) {
    for (auto at = name.find(hidden); at != std::string::npos; at = name.find(hidden)) {
      name.erase(at, hidden.size());
    }
  }
  return name;
}

void report_never_awaited(const Frame& frame) noexcept {
  try {
    log(LogLevel::warning,
        std::string(frame.where.file_name()) + ":" + std::to_string(frame.where.line()) +
            ": RuntimeWarning: coroutine '" + short_name(frame.name()) + "' was never awaited");
  } catch (...) {
    log(LogLevel::warning, "RuntimeWarning: a coroutine was never awaited");
  }
}

}  // namespace detail
}  // namespace asyncio
