// Waiting with epoll; without a descriptor to watch, on a futex.
#pragma once

#include <sys/epoll.h>

#include <atomic>
#include <cstdint>
#include <vector>

#include "loop/kernel_backend.hpp"

namespace asyncio::detail {

class EpollBackend final : public KernelBackend {
 public:
  using KernelBackend::KernelBackend;
  EpollBackend(const EpollBackend&) = delete;
  EpollBackend& operator=(const EpollBackend&) = delete;
  ~EpollBackend() override;

  std::string_view name() const noexcept override { return "epoll"; }
  void wait(Nanoseconds deadline) override;
  void wake() noexcept override;
  int watch(Descriptor& descriptor) override;
  void unwatch(Descriptor& descriptor) noexcept override;
  void close_all() noexcept override;

 private:
  // What the loop's thread does, as far as wake() must know. `woken` is what wake() leaves.
  enum State : std::uint32_t { awake, woken, on_futex, in_epoll };

  bool fall_asleep(State how) noexcept;
  void sleep_on_futex(Nanoseconds deadline) noexcept;
  int poll(Nanoseconds deadline) noexcept;
  void dispatch(int count) noexcept;
  int make_poller();
  void drop_poller() noexcept;
  [[nodiscard]] bool has_poller() const noexcept;

  std::atomic<std::uint32_t> state_{awake};
  int epoll_ = -1;
  int event_ = -1;        // an eventfd: written to end a sleep in epoll_wait, never read
  unsigned process_ = 0;  // whose the two are; a forked child has copies it must not use
  bool has_pwait2_ = true;
  std::vector<epoll_event> events_;
  int batch_ = 0;  // how many of events_ are being dispatched
};

}  // namespace asyncio::detail
