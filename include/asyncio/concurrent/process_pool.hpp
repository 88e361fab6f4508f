// The part of ProcessPoolExecutor that knows no types: calls as bytes, worker processes, a thread
// that carries the one to the other.
//
// How workers are made. A process with several threads cannot be forked safely: the child has only
// the forking thread, and every lock that another one held stays locked for ever. To start the
// program anew (posix_spawn) is safe, but a fresh program knows neither what main() has set up nor
// what an initializer has captured, and needs main()'s help. So a pool forks once, when it is made,
// a small process without threads: the nursery. It does nothing but fork the workers, when there is
// work for them, tell of their ends, and end them when the pool's process is gone. Hence the one
// rule for programs: make the pool before the threads, and what it is to see before the pool.
// Function pointers are the same on both sides, as all these processes are one program.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "asyncio/concurrent/blocks.hpp"
#include "asyncio/concurrent/errors.hpp"
#include "asyncio/threads/concurrent_future.hpp"

namespace asyncio {

namespace concurrent {

/// Options of ProcessPoolExecutor.
struct ProcessPoolOptions {
  std::optional<int> max_workers = {};  ///< nullopt: as many as there are processors
  /// A worker that has done so many calls ends, and a fresh one takes its place.
  std::optional<int> max_tasks_per_child = {};
  /// A worker that dies costs only the call that it was doing, and another one takes its place.
  /// Python's pools break instead: all that they have to do fails, and they take no more.
  bool replace_dead_workers = false;
};

}  // namespace concurrent

namespace detail {

/// A call, in the worker process.
class WorkerCall {
 public:
  std::string_view request;
  BlocksToRead request_blocks;
  /// Reads what belongs into `request_blocks`, and forgets them.
  virtual void read_blocks() = 0;

  std::string answer;
  BlocksToSend answer_blocks;
  /// While what the blocks refer to is there; without this the answer is sent afterwards.
  virtual void send_answer() = 0;

 protected:
  ~WorkerCall() = default;
};

/// Runs in the worker: reads the call, does it and answers. What it throws is thrown again on the
/// other side.
using ProcessEntry = void (*)(WorkerCall& call);

/// A call that waits for a worker process, or for its answer. One reference of its future is the
/// pool's, from post() on.
class ProcessJob {
 public:
  [[nodiscard]] virtual ThreadFuture& future() noexcept = 0;
  /// Makes the result out of `answer`, but for the blocks, which are still to be read. May throw.
  virtual void unpack(std::string_view answer, BlocksToRead& blocks) = 0;
  /// Settles the future with it, when they have been.
  virtual void settle() = 0;

  ProcessEntry entry = nullptr;
  const void* function = nullptr;  ///< where its code is, when it has an address
  std::string request;
  BlocksToSend request_blocks;
  std::vector<std::shared_ptr<void>> kept;  ///< what these refer to
  std::uint64_t group = 0;                  ///< of which calls it is one, for kill_group()

 protected:
  ~ProcessJob() = default;
};

class ProcessPool {
 public:
  /// Forks the nursery. `initializer` runs first in each worker. ValueError; OSError when no
  /// process can be had.
  ProcessPool(concurrent::ProcessPoolOptions options, std::function<void()> initializer);
  ProcessPool(const ProcessPool&) = delete;
  ProcessPool& operator=(const ProcessPool&) = delete;
  /// Waits for what it has to do, unless shutdown() said not to.
  ~ProcessPool();

  /// RuntimeError after shutdown(), BrokenProcessPool; then the job is still the caller's.
  void post(ProcessJob& job);
  void shutdown(concurrent::ShutdownOptions options);
  /// Sends `signal_number` to the workers and shuts down: what they have not done fails.
  void end_workers(int signal_number);
  /// Kills the workers that do calls of `group`, and these fail; those that have not begun are
  /// cancelled. For pools that replace their dead.
  void kill_group(std::uint64_t group);
  [[nodiscard]] int max_workers() const noexcept { return max_workers_; }

 private:
  struct State;

  int max_workers_;
  std::shared_ptr<State> state_;
};

}  // namespace detail
}  // namespace asyncio
