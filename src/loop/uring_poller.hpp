// Waiting with io_uring: each descriptor has a poll request that goes on after its first event, and
// behaves as an edge-triggered registration with epoll. Reads and writes stay plain system calls:
// the kernel never owns a buffer of ours, and a cancelled read has taken nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "loop/poller.hpp"
#include "loop/ring.hpp"

namespace asyncio::detail {

class UringPoller final : public Poller {
 public:
  explicit UringPoller(const RingCalls& calls = RingCalls::kernel())
      : calls_(&calls), ring_(std::make_unique<Ring>(calls)) {}

  /// 0 or -errno.
  int open(int wake_fd, const RingOptions& options = {.one_thread = true});

  std::string_view name() const noexcept override { return "io_uring"; }
  int add(Descriptor& descriptor) noexcept override;
  void remove(Descriptor& descriptor) noexcept override;
  void collect(Nanoseconds timeout) noexcept override;
  void dispatch() noexcept override;

  [[nodiscard]] const Ring& ring() const noexcept { return *ring_; }

 private:
  // By number of the descriptor. An event is for us only if its generation is the present one: what
  // comes late, of a descriptor that had the number before, is nobody's.
  struct Slot {
    Descriptor* descriptor = nullptr;
    std::uint32_t generation = 0;
  };

  [[nodiscard]] std::uint64_t key(int fd) const noexcept;
  void arm(int fd);
  void arm_ended() noexcept;
  void disarm(int fd);
  bool is_taken(int fd) noexcept;
  int arm_wake_up();
  void on_completion(const Completion& completion);
  bool moved_here(int error) noexcept;
  bool move_here() noexcept;

  const RingCalls* calls_;
  std::unique_ptr<Ring> ring_;
  RingOptions options_;
  int wake_fd_ = -1;
  std::thread::id thread_;  // which has made the ring
  std::vector<Slot> slots_;
  std::vector<std::uint64_t>
      ended_;                  // keys of requests that the kernel has ended, to be made again
  unsigned skip_success_ = 0;  // the flag for requests whose success is of no interest, if known
};

}  // namespace asyncio::detail
