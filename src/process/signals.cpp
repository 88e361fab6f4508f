#include "asyncio/process/signals.hpp"

#include <atomic>
#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "asyncio/base/contextvars.hpp"
#include "asyncio/base/error.hpp"
#include "asyncio/loop/scheduler.hpp"

namespace asyncio::detail {
namespace {

constexpr int kMaxSignal = 64;

using Callback = base::UniqueFunction<void()>;

// Shared with the calls that are under way.
struct Handler {
  Callback callback;
  bool removed = false;
};

void check_number(int signal) {
  if (signal < 1 || signal > kMaxSignal) {
    throw ValueError("invalid signal number " + std::to_string(signal));
  }
}

// One signal of one loop. Stays as long as the loop, removed or not: its node may be on the way.
class SignalEntry final : public SignalListener, private ReadyNode {
 public:
  explicit SignalEntry(Scheduler& scheduler) noexcept : scheduler_(scheduler) { run = &arrived; }

  void set(Callback callback) {
    handler_ = std::make_shared<Handler>(Handler{std::move(callback)});
    context_ = copy_context();
  }
  // CPython makes the calls that are queued by now. Here what they refer to may be gone.
  void clear() noexcept {
    handler_->removed = true;
    handler_ = nullptr;
  }
  [[nodiscard]] bool active() const noexcept { return handler_ != nullptr; }

  void on_signal() noexcept override {
    // Only the first since the loop has looked sends the node.
    if (arrivals_.fetch_add(1) == 0) scheduler_.post(*this);
  }

 private:
  static void arrived(ReadyNode* node) { static_cast<SignalEntry*>(node)->deliver(); }

  // A pass before the callbacks run, as in CPython, where this is the turn that reads the pipe.
  void deliver() noexcept {
    unsigned count = arrivals_.exchange(0);
    if (scheduler_.is_closed() || !active()) return;
    try {
      for (; count > 0; --count) {
        const auto call = [handler = handler_] {
          if (!handler->removed) handler->callback();
        };
        scheduler_.call_soon(call, {.context = &*context_});
      }
    } catch (...) {
      scheduler_.report_caught("a signal could not be delivered");
    }
  }

  Scheduler& scheduler_;
  std::atomic<unsigned> arrivals_{0};
  std::shared_ptr<Handler> handler_;
  std::optional<Context> context_;
};

class SignalHandlers final : public LayerState, public LoopResource {
 public:
  explicit SignalHandlers(Scheduler& scheduler) : scheduler_(scheduler) { scheduler.attach(*this); }

  void add(int signal, Callback callback) {
    SignalEntry& entry = *entries_.try_emplace(signal, new_entry(signal)).first->second;
    const int result = scheduler_.backend().catch_signal(signal, entry);
    if (result == -EPERM) {
      throw RuntimeError("signal handlers can only be added in the main thread");
    }
    if (result < 0) throw RuntimeError("sig " + std::to_string(signal) + " cannot be caught");
    entry.set(std::move(callback));
  }

  bool remove(int signal) noexcept {
    const auto at = entries_.find(signal);
    if (at == entries_.end() || !at->second->active()) return false;
    scheduler_.backend().release_signal(signal, *at->second);
    at->second->clear();
    return true;
  }

  void on_loop_close() noexcept override {
    for (const auto& [signal, entry] : entries_) remove(signal);
  }

 private:
  std::unique_ptr<SignalEntry> new_entry(int signal) {
    return entries_.contains(signal) ? nullptr : std::make_unique<SignalEntry>(scheduler_);
  }

  Scheduler& scheduler_;
  std::map<int, std::unique_ptr<SignalEntry>> entries_;
};

}  // namespace

void add_signal_handler(Scheduler& scheduler, int signal, Callback callback) {
  scheduler.check_call();
  check_number(signal);
  scheduler.state<SignalHandlers>().add(signal, std::move(callback));
}

bool remove_signal_handler(Scheduler& scheduler, int signal) {
  check_number(signal);
  auto* handlers = scheduler.find_state<SignalHandlers>();
  return handlers != nullptr && handlers->remove(signal);
}

}  // namespace asyncio::detail
