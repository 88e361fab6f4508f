#include "loop/process_signals.hpp"

#include <csignal>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>

#include "asyncio/loop/interrupt.hpp"

namespace asyncio::detail {
namespace {

constinit std::array<std::atomic<SignalListener*>, NSIG> listeners{};
// How many handlers are looking at a listener: one that is released may be destroyed.
constinit std::atomic<unsigned> under_way{0};

bool in_main_thread() { return ::getpid() == ::gettid(); }

void on_signal(int number) {
  under_way.fetch_add(1);
  if (SignalListener* listener = listeners[static_cast<std::size_t>(number)].load()) {
    listener->on_signal();
  }
  under_way.fetch_sub(1);
}

int set_disposition(int number, void (*handler)(int)) noexcept {
  struct sigaction action = {};
  action.sa_handler = handler;
  ::sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  return ::sigaction(number, &action, nullptr) == 0 ? 0 : -errno;
}

}  // namespace

int catch_process_signal(int number, SignalListener& listener) noexcept {
  if (number < 1 || number >= NSIG) return -EINVAL;
  if (!in_main_thread()) return -EPERM;
  std::atomic<SignalListener*>& slot = listeners[static_cast<std::size_t>(number)];
  SignalListener* before = slot.exchange(&listener);
  const int result = set_disposition(number, &on_signal);
  if (result < 0) slot = before;
  return result;
}

void release_process_signal(int number, SignalListener& listener) noexcept {
  SignalListener* expected = &listener;
  if (listeners[static_cast<std::size_t>(number)].compare_exchange_strong(expected, nullptr)) {
    set_disposition(number, number == SIGINT ? interrupt_disposition() : SIG_DFL);
  }
  // A handler of this thread has returned already; another thread's takes nanoseconds.
  while (under_way.load() != 0) {
  }
}

}  // namespace asyncio::detail
