#include "tools/asyncio/item_pool.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <mutex>
#include <set>
#include <stdexcept>

#include "tools/asyncio/arm_progress.hpp"
#include "tools/asyncio/cpu_arms.hpp"

namespace asyncio::tool {
namespace {

ArmJob job_of(const char* arm, std::size_t n, ArmProgress& progress) {
  ArmJob job;
  job.arm = parse_arm(arm);
  job.n = n;
  job.progress = &progress;
  return job;
}

MakeWorker failing_on(std::size_t bad) {
  return [bad]() -> DoItem {
    return
        [bad](std::size_t item) { return item == bad ? std::string("bad item") : std::string(); };
  };
}

TEST(item_pool, every_arm_does_each_item_once_and_counts_the_failures) {
  for (const char* arm : {"sequential", "threads:4", "processes:4"}) {
    ArmProgress progress(-1);
    ArmResult result = run_blocking(job_of(arm, 50, progress), failing_on(17));
    EXPECT_EQ(result.completed, 50U) << arm;
    EXPECT_EQ(result.failures, 1U) << arm;
    EXPECT_EQ(result.first_error, "bad item") << arm;
  }
}

TEST(item_pool, threads_share_the_items_without_doing_one_twice) {
  ArmProgress progress(-1);
  std::mutex mutex;
  std::multiset<std::size_t> seen;
  auto make_worker = [&]() -> DoItem {
    return [&](std::size_t item) {
      std::lock_guard lock(mutex);
      seen.insert(item);
      return std::string();
    };
  };
  run_in_threads(job_of("threads:8", 500, progress), make_worker);
  EXPECT_EQ(seen.size(), 500U);
  EXPECT_EQ(std::set<std::size_t>(seen.begin(), seen.end()).size(), 500U);
}

TEST(item_pool, no_more_workers_than_items) {
  ArmProgress progress(-1);
  ArmResult threads = run_blocking(job_of("threads:8", 3, progress), failing_on(99));
  EXPECT_EQ(threads.threads, 4U);
  EXPECT_EQ(threads.processes, 1U);
  ArmResult processes = run_blocking(job_of("processes:8", 3, progress), failing_on(99));
  EXPECT_EQ(processes.processes, 5U);  // three, their nursery and this one
  EXPECT_GT(processes.worker_memory_bytes, 0U);
}

TEST(item_pool, an_exception_is_a_failed_item) {
  ArmProgress progress(-1);
  auto make_worker = []() -> DoItem {
    return [](std::size_t) -> std::string { throw std::runtime_error("thrown"); };
  };
  for (const char* arm : {"sequential", "threads:2", "processes:2"}) {
    ArmResult result = run_blocking(job_of(arm, 4, progress), make_worker);
    EXPECT_EQ(result.failures, 4U) << arm;
    EXPECT_EQ(result.first_error, "thrown") << arm;
  }
}

TEST(item_pool, a_worker_that_dies_costs_its_item_and_never_hangs) {
  ArmProgress progress(-1);
  auto make_worker = []() -> DoItem {
    return [](std::size_t item) {
      if (item == 3) ::raise(SIGKILL);
      return std::string();
    };
  };
  ArmResult result = run_in_processes(job_of("processes:2", 10, progress), make_worker);
  EXPECT_EQ(result.completed, 10U);
  EXPECT_EQ(result.failures, 1U);
  EXPECT_EQ(result.first_error, "worker died (signal 9)");
}

TEST(item_pool, sequential_stops_after_the_item_that_passed_the_bound) {
  ArmProgress progress(-1);
  ArmJob job = job_of("sequential", 1000, progress);
  job.bound = std::chrono::nanoseconds(1);
  EXPECT_EQ(run_blocking(job, failing_on(2000)).completed, 1U);
}

TEST(cpu_arms, the_job_computes_what_it_should) {
  EXPECT_EQ(compute_item(0), "");
  EXPECT_EQ(compute_item(1), "");
}

}  // namespace
}  // namespace asyncio::tool
