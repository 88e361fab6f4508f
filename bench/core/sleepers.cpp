#include <unistd.h>

#include <asyncio/asyncio.hpp>
#include <chrono>
#include <fstream>
#include <vector>

#include "bench/core/items.hpp"
#include "bench/core/meter.hpp"

namespace bench {
namespace {

using asyncio::Coro;
using asyncio::Task;
using namespace std::chrono_literals;

constexpr std::size_t kSleepers = 1'000'000;

double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  double total_pages = 0;
  double resident_pages = 0;
  file >> total_pages >> resident_pages;
  return resident_pages * static_cast<double>(sysconf(_SC_PAGESIZE));
}

// Longer than it takes to start them all: there is a time when all sleep and none is due.
constexpr std::chrono::seconds kDelay{2};

Coro<> sleep_once() { co_await asyncio::sleep(kDelay); }

Coro<> sleep_all() {
  const double bytes_before = resident_bytes();
  const double begin_wall = wall_ns();
  const double begin = thread_cpu_ns();
  std::vector<Task<>> tasks;
  tasks.reserve(kSleepers);
  for (std::size_t i = 0; i < kSleepers; ++i) {
    tasks.push_back(asyncio::create_task(sleep_once()));
  }
  co_await asyncio::sleep(0s);  // now they all sleep
  const double asleep = thread_cpu_ns();
  ASYNCIO_CHECK(wall_ns() - begin_wall < kDelay / 1ns, "the first sleeper was due too early");
  const double bytes = resident_bytes() - bytes_before;
  for (const Task<>& task : tasks) co_await task;
  print_row("1,000,000 sleepers, start", "s", (asleep - begin) * 1e-9);
  print_row("1,000,000 sleepers, wake", "s", (thread_cpu_ns() - asleep) * 1e-9);
  print_row("1,000,000 sleepers, start + wake", "s", (thread_cpu_ns() - begin) * 1e-9);
  print_row("1,000,000 sleepers, each", "B", bytes / static_cast<double>(kSleepers));
}

}  // namespace

void sleepers() { asyncio::run(sleep_all()); }

}  // namespace bench
