#include "loop/polling_backend.hpp"

#include <linux/futex.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <string>
#include <utility>

#include "asyncio/base/log.hpp"
#include "loop/fork_count.hpp"
#include "loop/thread_sanitizer.hpp"

namespace asyncio::detail {
namespace {

timespec to_timespec(Nanoseconds time) noexcept {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
  timespec out{};
  out.tv_sec = seconds.count();
  out.tv_nsec = (time - seconds).count();
  return out;
}

// Once in a process: each of its loops would be told the same.
void report_refusal(int error, bool asked_for) noexcept {
  static std::atomic<bool> reported{false};
  if (reported.exchange(true)) return;
  try {
    log(asked_for ? LogLevel::info : LogLevel::debug,
        "io_uring cannot be used, going on without (" + ring_refusal(error) + ")");
  } catch (const std::bad_alloc&) {  // then in silence
  }
}

// Whether the process as a whole has too much open, which no other choice would change.
bool is_exhausted(int error) noexcept { return error == -EMFILE || error == -ENFILE; }

}  // namespace

PollingBackend::~PollingBackend() { drop_poller(); }

std::string_view PollingBackend::name() const noexcept {
  if (poller_) return poller_->name();
  return engines_.ring_for_events ? "io_uring" : "epoll";
}

// --- sleeping and waking ------------------------------------------------------------------------

// wake() leaves its mark first and only then looks whether it has to end a sleep; we announce the
// sleep and look for the mark in one step. So a wake-up is never lost, and costs no system call
// while the loop is busy. Going back to awake is an exchange, not a store: it reads what wake() has
// written, so that what the waker did before is visible to the loop from then on.
bool PollingBackend::fall_asleep(State how) noexcept {
  std::uint32_t expected = awake;
  if (state_.compare_exchange_strong(expected, how)) return true;
  state_.exchange(awake);
  return false;
}

void PollingBackend::wake() noexcept {
  const std::uint32_t before = state_.exchange(woken);
  if (before == awake || before == woken) return;
  const int saved_errno = errno;  // we may be in a signal handler
  if (before == on_futex) {
    ::syscall(SYS_futex, &state_, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, nullptr, nullptr, 0);
  } else {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(event_, &one, sizeof one);
  }
  errno = saved_errno;
}

void PollingBackend::sleep_on_futex(Nanoseconds deadline) noexcept {
  if (!fall_asleep(on_futex)) return;
  if (kRawSleepsAreShort) deadline = std::min(deadline, now() + kShortSleep);
  timespec until{};
  const timespec* limit = nullptr;
  if (deadline != Nanoseconds::max()) {
    until = to_timespec(std::max(deadline, Nanoseconds{0}));
    limit = &until;
  }
  // Wakes also for a signal: what its handler has left is for the loop to see. The deadline of this
  // form is absolute, on the monotonic clock.
  ::syscall(SYS_futex, &state_, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, on_futex, limit, nullptr,
            FUTEX_BITSET_MATCH_ANY);
  state_.exchange(awake);
}

void PollingBackend::sleep_in_poller(Nanoseconds deadline) {
  Nanoseconds timeout{0};
  if (deadline == Nanoseconds::max()) {
    timeout = deadline;
  } else if (deadline != Nanoseconds::min()) {
    timeout = std::max(deadline - now(), Nanoseconds{0});
  }
  if (timeout == Nanoseconds{0} || !fall_asleep(in_poller)) {
    poller_->collect(Nanoseconds{0});
  } else {
    poller_->collect(timeout);
    state_.exchange(awake);
  }
  poller_->dispatch();
}

void PollingBackend::wait(Nanoseconds deadline) {
  if (files_ && files_->under_way() > 0) submit_files();
  if (watched_ == 0) {
    if (deadline != Nanoseconds::min()) sleep_on_futex(deadline);
    return;
  }
  if (!has_poller() && make_poller() < 0) return;
  sleep_in_poller(deadline);
  if (files_) take_refused_calls();
}

// --- descriptors --------------------------------------------------------------------------------

bool PollingBackend::has_poller() const noexcept {
  return poller_ != nullptr && process_ == fork_count();
}

int PollingBackend::make_poller() {
  drop_poller();
  event_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  const int made = event_ < 0 ? -errno : choose_poller();
  if (made < 0) {
    drop_poller();
    return made;
  }
  process_ = fork_count();
  return 0;
}

int PollingBackend::choose_poller() {
  if (engines_.ring_for_events) {
    const int made = make_uring_poller(event_, poller_);
    if (made == 0 || is_exhausted(made)) return made;
    report_refusal(made, engines_.say_when_refused);
    engines_.ring_for_events = engines_.ring_for_files = false;
  }
  return make_epoll_poller(event_, poller_);
}

void PollingBackend::drop_poller() noexcept {
  files_.reset();
  poller_.reset();
  if (event_ >= 0) ::close(std::exchange(event_, -1));
  count_watched();
}

int PollingBackend::watch(Descriptor& descriptor) {
  if (descriptor.watched) return 0;
  if (!has_poller()) {
    if (const int made = make_poller(); made < 0) return made;
  }
  if (const int added = poller_->add(descriptor); added < 0) return added;
  descriptor.watched = true;
  ++descriptors_;
  count_watched();
  return 0;
}

void PollingBackend::unwatch(Descriptor& descriptor) noexcept {
  if (!descriptor.watched) return;
  descriptor.watched = false;
  --descriptors_;
  count_watched();
  if (has_poller()) poller_->remove(descriptor);  // in a forked child it is the parent's
}

// As long as a call on a file is under way there is something to look for.
void PollingBackend::count_watched() noexcept {
  watched_ = descriptors_ + (files_ ? files_->under_way() : 0);
}

// --- files --------------------------------------------------------------------------------------

FileRing* PollingBackend::file_ring() {
  if (!engines_.ring_for_files) return nullptr;
  if (!has_poller() && make_poller() < 0) return nullptr;
  if (files_ || !engines_.ring_for_files) return files_.get();
  auto files = std::make_unique<FileRing>(sink_, context_);
  int made = files->open();
  if (made == 0) made = poller_->add(files->descriptor);
  if (made == 0) {
    files_ = std::move(files);
  } else if (!is_exhausted(made)) {
    report_refusal(made, engines_.say_when_refused);
    engines_.ring_for_files = false;
  }
  return files_.get();
}

void PollingBackend::start(FileCall& call) {
  FileRing* ring = FileRing::can_take(call) ? file_ring() : nullptr;
  if (ring == nullptr || !ring->takes(call)) return submit(call);
  ring->start(call);
  count_watched();
}

void PollingBackend::submit_files() noexcept {
  if (process_ != fork_count()) return;
  if (!files_->submit()) wake();  // we, too, must not sleep then
  take_refused_calls();
}

void PollingBackend::take_refused_calls() noexcept {
  while (FileCall* call = files_->take_refused()) {
    try {
      submit(*call);
    } catch (const std::exception&) {  // no thread either
      call->result = -EAGAIN;
      sink_(context_, *call);
    }
  }
  count_watched();
}

void PollingBackend::close_all() noexcept {
  if (files_ && process_ == fork_count()) files_->finish();
  KernelBackend::close_all();
  drop_poller();
  engines_.ring_for_files = false;
}

}  // namespace asyncio::detail
