#include "loop/epoll_backend.hpp"

#include <linux/futex.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <limits>

#include "loop/fork_count.hpp"

#if defined(__SANITIZE_THREAD__)
#define ASYNCIO_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ASYNCIO_THREAD_SANITIZER 1
#endif
#endif

namespace asyncio::detail {
namespace {

// Events taken in one turn; the kernel keeps the others for the next, in order.
constexpr std::size_t kBatch = 512;

timespec to_timespec(Nanoseconds time) noexcept {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
  timespec out{};
  out.tv_sec = seconds.count();
  out.tv_nsec = (time - seconds).count();
  return out;
}

// Rounded up, or a wait would end just before its deadline and be repeated at once.
int to_milliseconds(Nanoseconds time) noexcept {
  const auto value = std::chrono::ceil<std::chrono::milliseconds>(time).count();
  return value > std::numeric_limits<int>::max() ? std::numeric_limits<int>::max()
                                                 : static_cast<int>(value);
}

}  // namespace

EpollBackend::~EpollBackend() { drop_poller(); }

// --- sleeping and waking ------------------------------------------------------------------------

// wake() leaves its mark first and only then looks whether it has to end a sleep; we announce the
// sleep and look for the mark in one step. So a wake-up is never lost, and costs no system call
// while the loop is busy. Going back to awake is an exchange, not a store: it reads what wake() has
// written, so that what the waker did before is visible to the loop from then on.
bool EpollBackend::fall_asleep(State how) noexcept {
  std::uint32_t expected = awake;
  if (state_.compare_exchange_strong(expected, how)) return true;
  state_.exchange(awake);
  return false;
}

void EpollBackend::wake() noexcept {
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

void EpollBackend::sleep_on_futex(Nanoseconds deadline) noexcept {
  if (!fall_asleep(on_futex)) return;
#if ASYNCIO_THREAD_SANITIZER
  // It holds signal handlers back until a call it knows, and does not know this one.
  deadline = std::min(deadline, now() + std::chrono::milliseconds(10));
#endif
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

void EpollBackend::wait(Nanoseconds deadline) {
  const bool look_only = deadline == Nanoseconds::min();
  if (watched_ == 0) {
    if (!look_only) sleep_on_futex(deadline);
    return;
  }
  if (!has_poller() && make_poller() < 0) return;
  if (look_only || !fall_asleep(in_epoll)) {
    dispatch(poll(Nanoseconds::min()));
    return;
  }
  const int count = poll(deadline);
  state_.exchange(awake);
  dispatch(count);
}

int EpollBackend::poll(Nanoseconds deadline) noexcept {
  const int room = static_cast<int>(events_.size());
  if (deadline == Nanoseconds::min()) return ::epoll_wait(epoll_, events_.data(), room, 0);
  if (deadline == Nanoseconds::max()) return ::epoll_wait(epoll_, events_.data(), room, -1);
  const Nanoseconds left = std::max(deadline - now(), Nanoseconds{0});
  if (has_pwait2_) {
    const timespec timeout = to_timespec(left);
    const int count = ::epoll_pwait2(epoll_, events_.data(), room, &timeout, nullptr);
    if (count >= 0 || errno != ENOSYS) return count;
    has_pwait2_ = false;  // before Linux 5.11, and in some sandboxes
  }
  return ::epoll_wait(epoll_, events_.data(), room, to_milliseconds(left));
}

void EpollBackend::dispatch(int count) noexcept {
  batch_ = count;
  for (int i = 0; i < batch_; ++i) {
    auto* descriptor = static_cast<Descriptor*>(events_[static_cast<std::size_t>(i)].data.ptr);
    if (descriptor == nullptr) continue;  // our eventfd, or unwatched by one before it
    const std::uint32_t events = events_[static_cast<std::size_t>(i)].events;
    descriptor->on_event((events & (EPOLLIN | EPOLLPRI)) != 0, (events & EPOLLOUT) != 0,
                         (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
  }
  batch_ = 0;
}

// --- descriptors --------------------------------------------------------------------------------

bool EpollBackend::has_poller() const noexcept { return epoll_ >= 0 && process_ == fork_count(); }

int EpollBackend::make_poller() {
  drop_poller();
  events_.resize(kBatch);
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) return -errno;
  event_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  epoll_event interest{};
  // Edge-triggered: each write is an edge, so that nobody has to read it.
  interest.events = EPOLLIN | EPOLLET;
  if (event_ < 0 || ::epoll_ctl(epoll_, EPOLL_CTL_ADD, event_, &interest) != 0) {
    const int error = errno;
    drop_poller();
    return -error;
  }
  process_ = fork_count();
  return 0;
}

void EpollBackend::drop_poller() noexcept {
  if (epoll_ >= 0) ::close(epoll_);
  if (event_ >= 0) ::close(event_);
  epoll_ = event_ = -1;
}

int EpollBackend::watch(Descriptor& descriptor) {
  if (descriptor.watched) return 0;
  if (!has_poller()) {
    if (const int made = make_poller(); made < 0) return made;
  }
  epoll_event interest{};
  interest.events = EPOLLET | EPOLLIN | EPOLLOUT | EPOLLRDHUP;
  interest.data.ptr = &descriptor;
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor.fd, &interest) != 0) return -errno;
  descriptor.watched = true;
  ++watched_;
  return 0;
}

void EpollBackend::unwatch(Descriptor& descriptor) noexcept {
  if (!descriptor.watched) return;
  descriptor.watched = false;
  --watched_;
  // Closing alone would not do: a copy of the descriptor (dup, fork) keeps the registration. In a
  // forked child the registration is the parent's.
  if (has_poller()) ::epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor.fd, nullptr);
  for (int i = 0; i < batch_; ++i) {
    epoll_event& event = events_[static_cast<std::size_t>(i)];
    if (event.data.ptr == &descriptor) event.data.ptr = nullptr;
  }
}

void EpollBackend::close_all() noexcept {
  KernelBackend::close_all();
  drop_poller();
}

}  // namespace asyncio::detail
