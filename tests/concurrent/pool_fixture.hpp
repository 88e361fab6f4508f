// The fixture of tests with worker processes: real ones. Processes wait for each other by
// semaphores in shared memory, never for time. At the end no child, no thread and no descriptor may
// be left.
#pragma once

#include <poll.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <new>
#include <optional>
#include <string>
#include <thread>

#include "asyncio/concurrent/process_pool_executor.hpp"
#include "support/descriptors.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {

/// What this process and those that it forks share.
struct SharedState {
  sem_t begun;    // posted by workers: I am at it
  sem_t release;  // waited for by workers
  std::array<std::atomic<int>, 16> numbers;
};

/// Functions that run in workers can capture nothing, so this is where they find it.
inline SharedState* shared = nullptr;

inline void wait_for(sem_t& semaphore) {
  while (::sem_wait(&semaphore) < 0 && errno == EINTR) {
  }
}

/// In a worker: tells that it has begun, and waits until released.
inline int wait_in_worker(int value) {
  ::sem_post(&shared->begun);
  wait_for(shared->release);
  return value;
}

inline int threads_of_this_process() {
  int count = 0;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator("/proc/self/task")) {
    ++count;
  }
  return count;
}

/// Looks only: a child that has ended is still its parent's to reap.
inline bool no_child_is_left() {
  siginfo_t info = {};
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD;
}

/// For pools that were let go: their threads end after their processes.
inline void until_no_child_is_left() {
  while (!no_child_is_left()) std::this_thread::yield();
}

/// Sees the end of a process that need not be a child.
class ProcessWatch {
 public:
  explicit ProcessWatch(int pid) : fd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}
  ProcessWatch(ProcessWatch&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~ProcessWatch() {
    if (fd_ >= 0) ::close(fd_);
  }
  /// Waits for its end; false when that does not come.
  [[nodiscard]] bool ended() const {
    pollfd ending{fd_, POLLIN, 0};
    while (true) {
      const int ready = ::poll(&ending, 1, 20'000);  // a test that goes wrong fails, and ends
      if (ready >= 0 || errno != EINTR) return fd_ < 0 || ready == 1;
    }
  }

 private:
  int fd_;
};

class PoolTest : public QuietTest {
 protected:
  PoolTest() {
    let_blocks_migrate();
    // Some sanitizers start a thread of their own beside the first one of the program.
    static const int started = (std::thread([] {}).join(), 0);
    (void)started;
    threads_before_ = threads_of_this_process();
    void* place = ::mmap(nullptr, sizeof(SharedState), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    shared = new (place) SharedState;
    ::sem_init(&shared->begun, 1, 0);
    ::sem_init(&shared->release, 1, 0);
  }

  void TearDown() override {
    EXPECT_TRUE(no_child_is_left()) << "a child process is left, or a zombie";
    // A thread that was joined may be on the kernel's list for a moment.
    for (int i = 0; i < 1'000'000 && threads_of_this_process() > threads_before_; ++i) {
      std::this_thread::yield();
    }
    EXPECT_LE(threads_of_this_process(), threads_before_) << "a thread is left";
    EXPECT_EQ(open_descriptors(), descriptors_before_) << "descriptors leaked";
    ::munmap(shared, sizeof(SharedState));
    shared = nullptr;
    QuietTest::TearDown();
  }

 private:
  int descriptors_before_ = open_descriptors();
  int threads_before_ = 0;
};

/// What a pool that lost a worker says of each future.
inline constexpr const char* kTerminated =
    "concurrent::BrokenProcessPool: A process in the process pool was terminated abruptly while "
    "the "
    "future was running or pending.";
/// And to whoever comes later.
inline constexpr const char* kNotUsable =
    "concurrent::BrokenProcessPool: A child process terminated abruptly, the process pool is not "
    "usable anymore";

}  // namespace asyncio::test
