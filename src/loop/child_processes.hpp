// Child processes of the kernel. They are known by descriptors, not by numbers: a number that the
// kernel has given to another process is never waited for and never hit.
#pragma once

#include <sys/types.h>

#include <map>
#include <mutex>
#include <thread>

#include "asyncio/loop/backend.hpp"
#include "loop/fork_count.hpp"

namespace asyncio::detail {

class ChildProcesses {
 public:
  /// Threads are for kernels and sandboxes without pidfds: one per child waits for it and makes an
  /// eventfd readable, which then stands for the pidfd. Unknown: looks what there is.
  enum class Means : unsigned char { unknown, pidfds, threads };

  explicit ChildProcesses(Means means = Means::unknown) noexcept : means_(means) {}
  ChildProcesses(const ChildProcesses&) = delete;
  ChildProcesses& operator=(const ChildProcesses&) = delete;
  ~ChildProcesses() { end_all(); }

  // Backend::spawn, signal_child and reap_child. Any thread.
  int spawn(const SpawnRequest& request, int& pidfd);
  int signal(int pidfd, int number);
  int reap(int pidfd, ChildExit& exit);

  /// Kills and reaps what still runs, and closes its descriptors; what is spawned from now on is
  /// ended at once. In a forked child nothing: they are the parent's.
  void end_all() noexcept;

 private:
  struct Running {
    pid_t pid = 0;
    std::thread waiter;  // only without pidfds
  };

  bool with_pidfds();
  static int wait_in_thread(Running& child);
  static int send(int pidfd, const Running& child, int number) noexcept;
  static int take_exit(int pidfd, const Running& child, bool wait, ChildExit& exit) noexcept;
  static void end(int pidfd, Running& child) noexcept;

  std::mutex mutex_;
  std::map<int, Running> running_;  // by pidfd
  Means means_;
  bool closed_ = false;
  unsigned process_ = fork_count();
};

}  // namespace asyncio::detail
