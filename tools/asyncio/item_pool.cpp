#include "tools/asyncio/item_pool.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <map>
#include <vector>

#include "asyncio/concurrent/process_pool_executor.hpp"
#include "asyncio/threads/thread_pool_executor.hpp"
#include "tools/asyncio/arm_progress.hpp"
#include "tools/asyncio/errors.hpp"
#include "tools/asyncio/process_tree.hpp"

namespace asyncio::tool {
namespace {

std::string do_safely(const DoItem& worker, std::size_t item) {
  try {
    return worker(item);
  } catch (const std::exception& error) {
    return error.what();
  }
}

// The worker of this thread, or of this process.
DoItem& own_worker() {
  thread_local DoItem worker;
  return worker;
}

// What a worker process answers for each item.
struct ItemAnswer {
  std::string error;
  int process = 0;
  std::uint64_t memory_bytes = 0;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(error, process, memory_bytes);
  }
};

ItemAnswer do_in_process(std::size_t item) {
  return {do_safely(own_worker(), item), ::getpid(), peak_memory_of_self()};
}

std::string describe_death(const concurrent::BrokenProcessPool& death) {
  const int code = death.exit_code();
  if (code < 0) return "worker died (signal " + std::to_string(-code) + ")";
  if (code > 0) return "worker died (exit code " + std::to_string(code) + ")";
  return "lost by its worker";
}

// Waits for it.
ItemAnswer answer_of(const concurrent::Future<ItemAnswer>& future) {
  try {
    return future.result();
  } catch (const concurrent::BrokenProcessPool& death) {
    return {describe_death(death), 0, 0};
  } catch (const std::exception& error) {
    return {error.what(), 0, 0};
  }
}

}  // namespace

ArmResult run_sequentially(const ArmJob& job, const MakeWorker& make_worker) {
  ArmResult result;
  auto started = std::chrono::steady_clock::now();
  DoItem worker = make_worker();
  for (std::size_t item = 0; item < job.n; ++item) {
    std::string error = do_safely(worker, item);
    result.count(error);
    job.progress->finished_one(error.empty());
    bool over = job.bound != kNoLimit && std::chrono::steady_clock::now() - started >= job.bound;
    if (over) break;
  }
  return result;
}

ArmResult run_in_threads(const ArmJob& job, const MakeWorker& make_worker) {
  const std::size_t count = std::min<std::size_t>(job.arm.workers, job.n);
  concurrent::ThreadPoolExecutor pool({.max_workers = static_cast<int>(count)},
                                      [&] { own_worker() = make_worker(); });
  const auto do_item = [&job](std::size_t item) {
    std::string error = do_safely(own_worker(), item);
    job.progress->finished_one(error.empty());
    return error;
  };
  std::vector<concurrent::Future<std::string>> futures;
  futures.reserve(job.n);
  for (std::size_t item = 0; item < job.n; ++item) futures.push_back(pool.submit(do_item, item));
  ArmResult result;
  for (const auto& future : futures) result.count(future.result());
  pool.shutdown();
  result.threads = static_cast<unsigned>(count) + 1;
  return result;
}

ArmResult run_in_processes(const ArmJob& job, const MakeWorker& make_worker) {
  const std::size_t count = std::min<std::size_t>(job.arm.workers, job.n);
  concurrent::ProcessPoolExecutor pool(
      {.max_workers = static_cast<int>(count), .replace_dead_workers = true},
      [&] { own_worker() = make_worker(); });
  std::vector<concurrent::Future<ItemAnswer>> futures;
  futures.reserve(job.n);
  for (std::size_t item = 0; item < job.n; ++item) {
    futures.push_back(pool.submit(do_in_process, item));
    futures.back().add_done_callback([&job](const concurrent::Future<ItemAnswer>& done) {
      job.progress->finished_one(answer_of(done).error.empty());
    });
  }
  ArmResult result;
  std::map<int, std::uint64_t> memory;  // of each process
  for (const auto& future : futures) {
    const ItemAnswer answer = answer_of(future);
    result.count(answer.error);
    std::uint64_t& most = memory[answer.process];
    most = std::max(most, answer.memory_bytes);
  }
  pool.shutdown();
  for (const auto& [process, bytes] : memory) result.worker_memory_bytes += bytes;
  // And this one, with the pool's thread, and the one that forks the workers.
  result.processes = static_cast<unsigned>(count) + 2;
  result.threads = result.processes + 1;
  return result;
}

ArmResult run_blocking(const ArmJob& job, const MakeWorker& make_worker) {
  switch (job.arm.kind) {
    case ArmKind::sequential:
      return run_sequentially(job, make_worker);
    case ArmKind::threads:
      return run_in_threads(job, make_worker);
    case ArmKind::processes:
      return run_in_processes(job, make_worker);
    case ArmKind::asyncio:
    case ArmKind::python:
      break;
  }
  throw ToolError("internal: " + to_string(job.arm) + " is not a blocking arm");
}

}  // namespace asyncio::tool
