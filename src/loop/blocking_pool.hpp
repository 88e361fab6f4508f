// Threads for calls that block: name look-ups, files, functions given to to_thread.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>
#include <vector>

#include "asyncio/base/list.hpp"
#include "asyncio/loop/backend.hpp"

namespace asyncio::detail {

/// Threads are made when a job finds none idle, up to min(32, processors + 4) as in Python, and
/// kept. Signals are blocked in them, so that Ctrl-C reaches the loop's thread.
class BlockingPool {
 public:
  BlockingPool(JobSink sink, void* context);
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;
  /// Hands back the jobs that have not begun, unrun, and waits for the others. In a child process
  /// after fork() there is nobody to wait for.
  ~BlockingPool();

  /// RuntimeError when there is no thread and none can be made.
  void submit(BlockingJob& job);

 private:
  // Apart from the pool, because a forked child must abandon it: its threads are not there, and its
  // mutex may have been locked by one of them at that moment.
  struct Shared {
    std::mutex mutex;
    std::condition_variable work;
    base::List<BlockingJob> jobs;
    std::size_t waiting_jobs = 0;
    std::size_t idle_threads = 0;
    bool stopping = false;
  };

  void add_thread();
  static void work(Shared& shared, JobSink sink, void* context) noexcept;

  JobSink sink_;
  void* context_;
  std::size_t most_threads_;
  unsigned process_;
  Shared* shared_;
  std::vector<std::thread> threads_;
};

}  // namespace asyncio::detail
