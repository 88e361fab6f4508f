// Options of concurrent::Parallel.
#pragma once

#include <cstddef>
#include <optional>

#include "asyncio/base/delay.hpp"

namespace asyncio::concurrent {

/// Who does the work of a Parallel. Threads share the program's memory, so they take any function
/// and copy nothing; processes are for code that is not thread-safe, may crash, or may get stuck.
enum class ParallelBackend : unsigned char { processes, threads };

/// As joblib's Parallel has them.
struct ParallelOptions {
  /// -1: one for each processor, -2: one less, and so on. 1: no workers at all, one item after the
  /// other on the calling thread.
  int n_jobs = -1;
  ParallelBackend backend = ParallelBackend::processes;
  /// How many items travel together; 0: as many as take about 10 ms.
  std::size_t batch_size = 0;
  /// How many batches are handed out for each job at a time.
  std::size_t pre_dispatch = 2;
  /// Above 0: lines on stderr that say how far it is, one a second; above 10: one for each batch.
  int verbose = 0;
  /// A bar on stderr, when that is a terminal.
  bool progress = false;
  /// For how long nothing may be finished; then TimeoutError.
  std::optional<Delay> timeout = {};
};

}  // namespace asyncio::concurrent
