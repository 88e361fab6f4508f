#include "loop/epoll_poller.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <limits>
#include <new>
#include <utility>

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

int make_epoll_poller(int wake_fd, std::unique_ptr<Poller>& out) noexcept {
  try {
    auto poller = std::make_unique<EpollPoller>();
    const int opened = poller->open(wake_fd);
    if (opened == 0) out = std::move(poller);
    return opened;
  } catch (const std::bad_alloc&) {
    return -ENOMEM;
  }
}

EpollPoller::~EpollPoller() {
  if (epoll_ >= 0) ::close(epoll_);
}

int EpollPoller::open(int wake_fd) {
  events_.resize(kBatch);
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) return -errno;
  epoll_event interest{};
  interest.events = EPOLLIN | EPOLLET;
  return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_fd, &interest) == 0 ? 0 : -errno;
}

int EpollPoller::wait(Nanoseconds timeout) noexcept {
  const int room = static_cast<int>(events_.size());
  if (timeout == Nanoseconds{0}) return ::epoll_wait(epoll_, events_.data(), room, 0);
  if (timeout == Nanoseconds::max()) return ::epoll_wait(epoll_, events_.data(), room, -1);
  if (has_pwait2_) {
    const timespec limit = to_timespec(timeout);
    const int count = ::epoll_pwait2(epoll_, events_.data(), room, &limit, nullptr);
    if (count >= 0 || errno != ENOSYS) return count;
    has_pwait2_ = false;  // before Linux 5.11, and in some sandboxes
  }
  return ::epoll_wait(epoll_, events_.data(), room, to_milliseconds(timeout));
}

void EpollPoller::collect(Nanoseconds timeout) noexcept { batch_ = wait(timeout); }

void EpollPoller::dispatch() noexcept {
  for (int i = 0; i < batch_; ++i) {
    auto* descriptor = static_cast<Descriptor*>(events_[static_cast<std::size_t>(i)].data.ptr);
    if (descriptor == nullptr) continue;  // the eventfd, or removed by one before it
    const std::uint32_t events = events_[static_cast<std::size_t>(i)].events;
    descriptor->on_event((events & (EPOLLIN | EPOLLPRI)) != 0, (events & EPOLLOUT) != 0,
                         (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
  }
  batch_ = 0;
}

int EpollPoller::add(Descriptor& descriptor) noexcept {
  epoll_event interest{};
  interest.events = EPOLLET | EPOLLIN | EPOLLOUT | EPOLLRDHUP;
  interest.data.ptr = &descriptor;
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor.fd, &interest) != 0) return -errno;
  const auto number = static_cast<std::size_t>(descriptor.fd);
  try {
    if (owners_.size() <= number) {
      owners_.resize(std::max(number + 1, owners_.size() + owners_.size() / 4));
    }
  } catch (const std::bad_alloc&) {
    ::epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor.fd, nullptr);
    return -ENOMEM;
  }
  owners_[number] = &descriptor;
  return 0;
}

void EpollPoller::remove(Descriptor& descriptor) noexcept {
  const auto number = static_cast<std::size_t>(descriptor.fd);
  // Closed unseen, the number may be somebody else's by now, with a registration of his own; or it
  // was registered before a fork.
  if (number < owners_.size() && owners_[number] == &descriptor) {
    owners_[number] = nullptr;
    // Closing alone would not do: a copy of the descriptor (dup, fork) keeps the registration.
    ::epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor.fd, nullptr);
  }
  for (int i = 0; i < batch_; ++i) {
    epoll_event& event = events_[static_cast<std::size_t>(i)];
    if (event.data.ptr == &descriptor) event.data.ptr = nullptr;
  }
}

}  // namespace asyncio::detail
