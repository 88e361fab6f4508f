// The two queues that a process shares with the kernel (io_uring): requests go in, completions come
// out. Knows nothing of what they are about.
#pragma once

#include <linux/io_uring.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "asyncio/base/delay.hpp"

namespace asyncio::detail {

/// The three system calls, so that a test can make them fail. Each returns a result or -errno.
struct RingCalls {
  int (*setup)(unsigned entries, io_uring_params* params) noexcept;
  int (*enter)(int fd, unsigned to_submit, unsigned min_complete, unsigned flags, const void* arg,
               std::size_t size) noexcept;
  int (*enroll)(int fd, unsigned opcode, void* arg, unsigned count) noexcept;  // io_uring_register

  static const RingCalls& kernel() noexcept;
};

struct RingOptions {
  unsigned entries = 256;       ///< requests that are handed over at a time
  unsigned completions = 2048;  ///< beyond these the kernel keeps a slower list of its own
  /// Only the thread that has made the ring may use it; in return completions come without
  /// interrupting it, when it asks.
  bool one_thread = false;
};

/// What became of a request.
struct Completion {
  std::uint64_t user_data = 0;  ///< of the request
  int result = 0;               ///< of the call, or -errno
  bool more = false;            ///< the request goes on, there will be another
};

class Ring {
 public:
  explicit Ring(const RingCalls& calls = RingCalls::kernel()) noexcept : calls_(&calls) {}
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring() { close(); }

  /// With what this kernel knows of the flags, down to none. Returns 0 or -errno; -EOPNOTSUPP when
  /// the kernel is too old to be of use (before Linux 5.13).
  int open(const RingOptions& options);
  /// What is under way is cancelled by the kernel, some time.
  void close() noexcept;
  [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }
  /// Readable while there are completions.
  [[nodiscard]] int fd() const noexcept { return fd_; }
  /// The flags it was opened with (IORING_SETUP_).
  [[nodiscard]] unsigned flags() const noexcept { return flags_; }
  [[nodiscard]] unsigned features() const noexcept { return features_; }
  /// Whether this kernel knows an operation (IORING_OP_).
  [[nodiscard]] bool supports(unsigned opcode) const noexcept {
    return opcode < operations_.size() && operations_[opcode];
  }

  /// A request to be filled in, all zero; it is handed over by the next call below. In order, and
  /// never refused: what the queue has no room for waits here.
  io_uring_sqe& request();
  /// Whether there is something to hand over or to fetch.
  [[nodiscard]] bool idle() const noexcept;
  /// Hands over what there is, as far as the kernel takes it now: -EAGAIN and -EBUSY mean that it
  /// wants room first, and what is left stays for the next time.
  int submit() noexcept;
  /// The same, and fetches the completions that are due.
  int fetch() noexcept;
  /// The same until none is due any more, so that cancelled requests have let go of their files.
  int settle() noexcept;
  /// The same, and waits for a completion: 0, -ETIME, -EINTR, or another -errno.
  int wait(Nanoseconds timeout) noexcept;

  /// Takes the oldest completion; false when there is none.
  bool next(Completion& out) noexcept;
  /// Looks for one of `user_data` that says its request has ended, without taking it: among those
  /// that came after the first `skip`.
  bool has_ended(std::uint64_t user_data, unsigned skip, int& result) const noexcept;
  /// How many completions can be taken.
  [[nodiscard]] unsigned ready() const noexcept;
  /// How many more have room.
  [[nodiscard]] unsigned room() const noexcept { return complete_mask_ + 1 - ready(); }
  /// Whether the kernel keeps some in a list of its own, for want of room. fetch() gets them.
  [[nodiscard]] bool has_overflown() const noexcept;

 private:
  int map(const io_uring_params& params);
  void probe() noexcept;
  void refill() noexcept;
  [[nodiscard]] unsigned unsubmitted() const noexcept;
  int enter(unsigned min_complete, unsigned flags, const void* arg, std::size_t size) noexcept;

  const RingCalls* calls_;
  int fd_ = -1;
  unsigned flags_ = 0;
  unsigned features_ = 0;
  std::array<bool, IORING_OP_LAST> operations_{};

  std::byte* rings_ = nullptr;  // both queues' heads and tails, and the completions
  std::size_t rings_size_ = 0;
  io_uring_sqe* requests_ = nullptr;
  std::size_t requests_size_ = 0;
  unsigned* submit_head_ = nullptr;  // the kernel's
  unsigned* submit_tail_ = nullptr;  // ours
  unsigned* submit_flags_ = nullptr;
  unsigned submit_mask_ = 0;
  unsigned submit_room_ = 0;
  unsigned tail_ = 0;                  // ours, not yet shown to the kernel
  unsigned* complete_head_ = nullptr;  // ours
  unsigned* complete_tail_ = nullptr;  // the kernel's
  io_uring_cqe* completions_ = nullptr;
  unsigned complete_mask_ = 0;
  std::deque<io_uring_sqe> waiting_;  // for room in the queue
};

/// Why a ring was refused, for people: "EPERM: a sandbox ...".
std::string ring_refusal(int error);

}  // namespace asyncio::detail
