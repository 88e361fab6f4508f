// io_uring's system calls, with faults on demand: older kernels, sandboxes, queues without room.
#pragma once

#include <cerrno>
#include <cstring>
#include <deque>

#include "loop/ring.hpp"

namespace asyncio::test {

/// One set at a time, for the tests of one thread.
struct RingFaults {
  int setup_error = 0;            ///< of every setup, or 0
  unsigned unknown_flags = 0;     ///< setup flags that this "kernel" does not have
  unsigned missing_features = 0;  ///< IORING_FEAT_
  int missing_operation = -1;     ///< IORING_OP_
  std::deque<int> enter_errors;   ///< of the next calls: 0, or -errno instead of the call
  unsigned setups = 0;
  unsigned enters = 0;
  unsigned waits = 0;  ///< those that may sleep

  static RingFaults& now() {
    static RingFaults faults;
    return faults;
  }
};

inline const detail::RingCalls& faulty_ring_calls() {
  static constexpr detail::RingCalls calls{
      [](unsigned entries, io_uring_params* params) noexcept {
        RingFaults& faults = RingFaults::now();
        ++faults.setups;
        if (faults.setup_error != 0) return -faults.setup_error;
        if ((params->flags & faults.unknown_flags) != 0) return -EINVAL;
        const int fd = detail::RingCalls::kernel().setup(entries, params);
        params->features &= ~faults.missing_features;
        return fd;
      },
      [](int fd, unsigned to_submit, unsigned min_complete, unsigned flags, const void* arg,
         std::size_t size) noexcept {
        RingFaults& faults = RingFaults::now();
        ++faults.enters;
        if (min_complete > 0) ++faults.waits;
        if (!faults.enter_errors.empty()) {
          const int error = faults.enter_errors.front();
          faults.enter_errors.pop_front();
          if (error != 0) return error;
        }
        return detail::RingCalls::kernel().enter(fd, to_submit, min_complete, flags, arg, size);
      },
      [](int fd, unsigned opcode, void* arg, unsigned count) noexcept {
        const int result = detail::RingCalls::kernel().enroll(fd, opcode, arg, count);
        const int missing = RingFaults::now().missing_operation;
        if (opcode == IORING_REGISTER_PROBE && missing >= 0) {
          auto* answer = static_cast<io_uring_probe*>(arg);
          answer->ops[missing].flags = 0;
        }
        return result;
      }};
  return calls;
}

}  // namespace asyncio::test
