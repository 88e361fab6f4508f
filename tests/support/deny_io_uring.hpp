// What sandboxes do (Docker's, for one): io_uring's three system calls fail with an errno.
#pragma once

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <cstddef>

namespace asyncio::test {

/// For this process and all that it starts, for good. False when the kernel has no such filters.
inline bool deny_io_uring(int error) {
  static_assert(SYS_io_uring_setup == 425 && SYS_io_uring_register == 427);
  const auto answer = SECCOMP_RET_ERRNO | (static_cast<unsigned>(error) & SECCOMP_RET_DATA);
  std::array<sock_filter, 5> program{
      sock_filter{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
      sock_filter{BPF_JMP | BPF_JGE | BPF_K, 0, 2, SYS_io_uring_setup},
      sock_filter{BPF_JMP | BPF_JGT | BPF_K, 1, 0, SYS_io_uring_register},
      sock_filter{BPF_RET | BPF_K, 0, 0, answer},
      sock_filter{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
  };
  const sock_fprog filter{program.size(), program.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

}  // namespace asyncio::test
