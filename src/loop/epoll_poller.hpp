// Waiting with epoll.
#pragma once

#include <sys/epoll.h>

#include <vector>

#include "loop/poller.hpp"

namespace asyncio::detail {

class EpollPoller final : public Poller {
 public:
  EpollPoller() = default;
  EpollPoller(const EpollPoller&) = delete;
  EpollPoller& operator=(const EpollPoller&) = delete;
  ~EpollPoller() override;

  /// 0 or -errno.
  int open(int wake_fd);

  std::string_view name() const noexcept override { return "epoll"; }
  int add(Descriptor& descriptor) noexcept override;
  void remove(Descriptor& descriptor) noexcept override;
  void collect(Nanoseconds timeout) noexcept override;
  void dispatch() noexcept override;

 private:
  int wait(Nanoseconds timeout) noexcept;

  int epoll_ = -1;
  std::vector<Descriptor*> owners_;  // by number: who is registered with it
  bool has_pwait2_ = true;
  std::vector<epoll_event> events_;
  int batch_ = 0;  // how many of events_ are there to be dispatched
};

}  // namespace asyncio::detail
