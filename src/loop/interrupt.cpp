#include "asyncio/loop/interrupt.hpp"

#include <csignal>
#include <unistd.h>

#include <atomic>

#include "asyncio/loop/scheduler.hpp"

namespace asyncio {
namespace {

constinit std::atomic<Scheduler*> target{nullptr};

bool in_main_thread() { return ::getpid() == ::gettid(); }

void on_sigint(int signal) {
  Scheduler* scheduler = target.load();
  if (scheduler != nullptr && scheduler->interrupt()) return;
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

}  // namespace

InterruptGuard::InterruptGuard(Scheduler& scheduler, base::UniqueFunction<void()> on_interrupt) {
  if (!in_main_thread() || target.load() != nullptr) return;
  struct sigaction before = {};
  if (::sigaction(SIGINT, nullptr, &before) != 0 || before.sa_handler != SIG_DFL) return;
  scheduler.set_interrupt_handler(std::move(on_interrupt));
  target = &scheduler;
  struct sigaction action = {};
  action.sa_handler = &on_sigint;
  ::sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  if (::sigaction(SIGINT, &action, nullptr) == 0) {
    scheduler_ = &scheduler;
  } else {
    target = nullptr;
  }
}

InterruptGuard::~InterruptGuard() {
  if (scheduler_ == nullptr) return;
  struct sigaction now = {};
  if (::sigaction(SIGINT, nullptr, &now) == 0 && now.sa_handler == &on_sigint) {
    std::signal(SIGINT, SIG_DFL);
  }
  target = nullptr;
  scheduler_->set_interrupt_handler(nullptr);
}

void (*detail::interrupt_disposition() noexcept)(int) {
  return target.load() != nullptr ? &on_sigint : SIG_DFL;
}

}  // namespace asyncio
