#include "tools/asyncio/stop_signals.hpp"

#include <atomic>
#include <memory>

namespace asyncio::tool {
namespace {

constinit std::atomic<Scheduler*> target{nullptr};
constinit std::atomic<int> first_signal{0};

void on_signal(int signal) {
  int none = 0;
  first_signal.compare_exchange_strong(none, signal);
  if (Scheduler* scheduler = target.load()) scheduler->interrupt();
}

}  // namespace

StopSignals::StopSignals(const AnyTask& task) {
  Scheduler& scheduler = get_running_loop().scheduler();
  first_signal = 0;
  target = &scheduler;
  scheduler.set_interrupt_handler([task, &scheduler, asked = false]() mutable {
    if (!std::exchange(asked, true) && task.cancel()) return;
    scheduler.set_fatal(std::make_exception_ptr(KeyboardInterrupt()));
  });
  struct sigaction action = {};
  action.sa_handler = &on_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], nullptr, &former_[i]);
    if (former_[i].sa_handler != SIG_IGN) ::sigaction(kSignals[i], &action, nullptr);
  }
}

StopSignals::~StopSignals() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], &former_[i], nullptr);
  }
  target = nullptr;
}

int StopSignals::signal_number() const noexcept { return first_signal.load(); }

}  // namespace asyncio::tool
