// Threads for calls that block: name look-ups, files, functions given to to_thread or to an
// executor.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "asyncio/base/list.hpp"
#include "asyncio/loop/backend.hpp"

namespace asyncio::detail {

struct PoolOptions {
  std::size_t most_threads = 0;      ///< 0: min(32, processors + 4), as in Python
  std::string name = "asyncio";      ///< of the threads: "asyncio_0"
  std::function<bool()> initialize;  ///< run first in each thread; false: the thread ends
};

/// Threads are made when a job finds none idle, and kept. Signals are blocked in them, so that
/// Ctrl-C reaches the loop's thread.
class BlockingPool {
 public:
  /// Jobs that have run go to `sink`, on the worker's thread; with null their done() is called
  /// there.
  BlockingPool(JobSink sink, void* context, PoolOptions options = {});
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;
  /// Waits for all jobs that are left, unless let_go() was called. In a child process after fork()
  /// there is nobody to wait for.
  ~BlockingPool();

  /// RuntimeError when there is no thread and none can be made. Not after stop().
  void submit(BlockingJob& job);
  /// Takes the jobs that have not begun, in order.
  void take_waiting(base::List<BlockingJob>& out);
  /// The threads end once no job is left; then `ended` is called, by the last of them or here.
  void stop(std::function<void()> ended = nullptr);
  /// Waits for the threads to end. RuntimeError in one of them.
  void join();
  /// The destructor does not wait for the threads: they work off what is left and end by
  /// themselves. From here on finished jobs are no longer given to the sink. The process ends after
  /// them, as in Python; and join() still waits.
  void let_go();

 private:
  struct Shared;

  [[nodiscard]] bool has_let_go() const;
  void add_thread();
  static void work(const std::shared_ptr<Shared>& shared) noexcept;

  // Apart from the pool: its threads may outlive it, and a forked child must abandon it, whose
  // mutex may have been locked by a thread that is not there.
  std::shared_ptr<Shared> shared_;
  std::size_t most_threads_;
  std::string name_;
  unsigned process_;
  std::mutex threads_mutex_;  // whoever joins
  std::vector<std::thread> threads_;
};

}  // namespace asyncio::detail
