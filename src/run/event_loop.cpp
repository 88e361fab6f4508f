#include "asyncio/run/event_loop.hpp"

#include "asyncio/base/log.hpp"
#include "asyncio/net/server.hpp"

namespace asyncio {
namespace {

// How get_running_loop() finds the facade of the loop that runs. A loop that was made without one,
// in a simulated world, gets its own when it is asked for.
class Facade final : public LayerState {
 public:
  explicit Facade(EventLoop& of) : loop(of) {}
  explicit Facade(Scheduler& scheduler)
      : own_(std::make_unique<EventLoop>(scheduler)), loop(*own_) {}

 private:
  std::unique_ptr<EventLoop> own_;

 public:
  EventLoop& loop;
};

// A loop that get_event_loop() made belongs to its thread.
struct CurrentLoop {
  EventLoop* set = nullptr;
  std::unique_ptr<EventLoop> made;
};

CurrentLoop& current_loop() {
  static thread_local CurrentLoop current;
  return current;
}

// Row 2 finds it by its scheduler.
void choose(EventLoop* loop) noexcept {
  current_loop().set = loop;
  Scheduler::choose(loop != nullptr ? &loop->scheduler() : nullptr);
}

EventLoop* facade_of(Scheduler* scheduler) {
  if (scheduler == nullptr || scheduler->is_closed()) return nullptr;
  if (!scheduler->facade_state) scheduler->facade_state = std::make_unique<Facade>(*scheduler);
  return &static_cast<Facade&>(*scheduler->facade_state).loop;
}

}  // namespace

EventLoop::EventLoop() : own_(std::make_unique<Scheduler>()), scheduler_(*own_) {
  scheduler_.facade_state = std::make_unique<Facade>(*this);
}

EventLoop::EventLoop(std::unique_ptr<Backend> backend)
    : own_(std::make_unique<Scheduler>(std::move(backend))), scheduler_(*own_) {
  scheduler_.facade_state = std::make_unique<Facade>(*this);
}

EventLoop::~EventLoop() {
  if (own_ && !is_closed() && get_debug()) warn_unclosed();
  if (current_loop().set == this) choose(nullptr);
  // A borrowed scheduler goes on without us, and would call what lives here.
  if (!own_ && exception_handler_) scheduler_.set_exception_handler(nullptr);
}

void EventLoop::close() { scheduler_.close(); }

void EventLoop::warn_unclosed() const noexcept {
  try {
    log(LogLevel::warning, "ResourceWarning: unclosed event loop " + repr());
  } catch (...) {
    log(LogLevel::warning, "ResourceWarning: unclosed event loop");  // no memory for more
  }
}

void EventLoop::set_exception_handler(EventLoopExceptionHandler handler) {
  exception_handler_ = std::move(handler);
  if (!exception_handler_) return scheduler_.set_exception_handler(nullptr);
  scheduler_.set_exception_handler([this](Scheduler&, const ExceptionContext& context) {
    const EventLoopExceptionHandler called = exception_handler_;  // it may replace itself
    called(*this, context);
  });
}

void EventLoop::set_task_factory(EventLoopTaskFactory factory) {
  task_factory_ = std::move(factory);
  if (!task_factory_) return asyncio::set_task_factory(scheduler_, nullptr);
  asyncio::set_task_factory(
      scheduler_, [this](Scheduler&, FactoryCoro& coroutine, const TaskOptions& options) {
        const EventLoopTaskFactory called = task_factory_;  // it may replace itself
        return called(*this, coroutine, options);
      });
}

void EventLoop::set_default_executor(std::shared_ptr<concurrent::ThreadPoolExecutor> executor) {
  detail::DefaultExecutor::of(scheduler_).set(std::move(executor));
}

Coro<> EventLoop::shutdown_default_executor(std::optional<Delay> timeout) {
  return detail::shutdown_default_executor(scheduler_, timeout);
}

std::string EventLoop::repr() const {
  const auto yes = [](bool is) { return is ? "True" : "False"; };
  return std::string("<EventLoop running=") + yes(is_running()) + " closed=" + yes(is_closed()) +
         " debug=" + yes(get_debug()) + ">";
}

// Declared in row 2, which cannot know the loop object.
EventLoop& AnyFuture::get_loop() const {
  Scheduler& scheduler = block_->scheduler();
  EventLoop* loop = Scheduler::is_open(&scheduler) ? facade_of(&scheduler) : nullptr;
  if (loop == nullptr) throw RuntimeError("Event loop is closed");
  return *loop;
}

EventLoop& Server::get_loop() const {
  Scheduler* scheduler = &state_->scheduler();
  EventLoop* loop = Scheduler::is_open(scheduler) ? facade_of(scheduler) : nullptr;
  if (loop == nullptr) throw RuntimeError("Event loop is closed");
  return *loop;
}

EventLoop* _get_running_loop() { return facade_of(Scheduler::running()); }

EventLoop& get_running_loop() {
  EventLoop* loop = _get_running_loop();
  if (loop == nullptr) throw RuntimeError("no running event loop");
  return *loop;
}

EventLoop& get_event_loop() {
  if (EventLoop* loop = _get_running_loop()) return *loop;
  CurrentLoop& current = current_loop();
  if (current.set == nullptr || current.set->is_closed()) {
    choose(nullptr);
    current.made = std::make_unique<EventLoop>();
    choose(current.made.get());
  }
  return *current.set;
}

void set_event_loop(EventLoop* loop) noexcept { choose(loop); }

std::unique_ptr<EventLoop> new_event_loop() { return std::make_unique<EventLoop>(); }

}  // namespace asyncio
