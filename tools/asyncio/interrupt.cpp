#include "tools/asyncio/interrupt.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "tools/asyncio/errors.hpp"

namespace asyncio::tool {
namespace {

// All a signal handler may touch.
std::atomic<int> received_signal{0};
std::atomic<int> wake_fd{-1};
static_assert(std::atomic<int>::is_always_lock_free);

void on_signal(int signal_number) {
  int saved_errno = errno;
  int none = 0;
  received_signal.compare_exchange_strong(none, signal_number);
  char byte = 0;
  // A full pipe already wakes the reader.
  [[maybe_unused]] ssize_t written = ::write(wake_fd.load(), &byte, 1);
  errno = saved_errno;
}

}  // namespace

InterruptWatch::InterruptWatch() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) throw system_error(errno, "make a pipe", "");
  read_end_.reset(ends[0]);
  write_end_.reset(ends[1]);
  received_signal = 0;
  wake_fd = write_end_.get();
  struct sigaction action{};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    sigaction(kSignals[i], nullptr, &former_[i]);
    // nohup and shells' background jobs ignore signals on purpose: leave those ignored.
    if (former_[i].sa_handler != SIG_IGN) sigaction(kSignals[i], &action, nullptr);
  }
}

InterruptWatch::~InterruptWatch() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &former_[i], nullptr);
  wake_fd = -1;
}

int InterruptWatch::signal_number() const { return received_signal; }

void InterruptWatch::check() const {
  if (int number = signal_number(); number != 0) throw Interrupted(number);
}

}  // namespace asyncio::tool
