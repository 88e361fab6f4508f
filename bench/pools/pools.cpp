// Pools: what it costs to have work done elsewhere. Prints: row, unit, value, with tabs between.
// peers/python/pools.py does the same.
#include <sys/resource.h>

#include <algorithm>
#include <asyncio/concurrent.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace {

namespace concurrent = asyncio::concurrent;
using Clock = std::chrono::steady_clock;

constexpr int kWorkers = 2;
constexpr int kJobs = 1000;
constexpr int kMaps = 10;

int small_job(int number) { return number + 1; }

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

// Of this process and of those that it has reaped.
double cpu_ms() {
  double seconds = 0;
  for (const auto whose : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    ::getrusage(whose, &usage);
    seconds += seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
  }
  return seconds * 1e3;
}

double ms_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

void print(const std::string& row, const char* unit, double value) {
  std::printf("%s\t%s\t%.4g\n", row.c_str(), unit, value);
}

// `make_map()` makes a pool and gives what maps all jobs on it. CPU: with the pool's making and
// end.
template <class MakeMap>
void measure_maps(const std::string& row, MakeMap make_map) {
  const double cpu_before = cpu_ms();
  std::vector<double> walls;
  {
    auto map = make_map();
    map();
    for (int i = 0; i < kMaps; ++i) {
      const auto begin = Clock::now();
      map();
      walls.push_back(ms_since(begin));
    }
  }
  std::nth_element(walls.begin(), walls.begin() + kMaps / 2, walls.end());
  print(row, "ms wall", walls[kMaps / 2]);
  print(row + ", CPU", "ms CPU", (cpu_ms() - cpu_before) / (kMaps + 1));
}

std::vector<int> jobs() {
  std::vector<int> all(kJobs);
  std::iota(all.begin(), all.end(), 0);
  return all;
}

void measure_process_map(std::size_t chunksize) {
  measure_maps("process pool: map of 1,000, chunks of " + std::to_string(chunksize), [chunksize] {
    auto pool = std::make_shared<concurrent::ProcessPoolExecutor>(
        concurrent::ProcessPoolOptions{.max_workers = kWorkers});
    return [pool, chunksize, items = jobs()] {
      long sum = 0;
      for (const int value : pool->map(small_job, items, {.chunksize = chunksize})) sum += value;
      if (sum != 500'500) std::abort();
    };
  });
}

void measure_parallel() {
  measure_maps("Parallel of 1,000", [] {
    auto parallel =
        std::make_shared<concurrent::Parallel>(concurrent::ParallelOptions{.n_jobs = kWorkers});
    return [parallel, items = jobs()] {
      const std::vector<int> results = (*parallel)(small_job, items);
      if (std::accumulate(results.begin(), results.end(), 0L) != 500'500) std::abort();
    };
  });
}

void measure_start() {
  const auto begin = Clock::now();
  for (int i = 0; i < kMaps; ++i) {
    concurrent::ProcessPoolExecutor pool({.max_workers = kWorkers});
    pool.submit(small_job, 1).result();
  }
  print("process pool: made, one call, shut down", "ms wall", ms_since(begin) / kMaps);
}

// What is large: so many bytes there, and so many back.
void measure_large() {
  constexpr std::size_t kBytes = std::size_t{64} << 20;
  concurrent::ProcessPoolExecutor pool({.max_workers = 1});
  const auto make = [](std::size_t size) { return std::string(size, 'x'); };
  const auto take = [](const std::string& text) { return text.size(); };
  pool.submit(make, std::size_t{1}).result();
  auto begin = Clock::now();
  const std::string text = pool.submit(make, kBytes).result();
  print("process pool: a result of 64 MB", "ms wall", ms_since(begin));
  begin = Clock::now();
  if (pool.submit(take, text).result() != kBytes) std::abort();
  print("process pool: an argument of 64 MB", "ms wall", ms_since(begin));
}

void measure_threads() {
  constexpr int kCalls = 20'000;
  concurrent::ThreadPoolExecutor pool({.max_workers = 1});
  pool.submit(small_job, 1).result();
  const double cpu_before = cpu_ms();
  const auto begin = Clock::now();
  for (int i = 0; i < kCalls; ++i) pool.submit(small_job, i).result();
  print("thread pool: submit + result", "us wall", ms_since(begin) * 1e3 / kCalls);
  print("thread pool: submit + result, CPU", "us CPU", (cpu_ms() - cpu_before) * 1e3 / kCalls);
  long sum = 0;
  const auto begin_map = Clock::now();
  for (const int value : pool.map(small_job, jobs())) sum += value;
  print("thread pool: map of 1,000", "ms wall", ms_since(begin_map));
  if (sum != 500'500) std::abort();
}

}  // namespace

int main() {
  // Processes first: a pool is made before the threads.
  measure_process_map(1);
  measure_process_map(50);
  measure_parallel();
  measure_start();
  measure_large();
  measure_threads();
}
