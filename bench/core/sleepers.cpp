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

Coro<> sleep_once() { co_await asyncio::sleep(1s); }

Coro<double> sleep_all() {
  const double before = resident_bytes();
  std::vector<Task<>> tasks;
  tasks.reserve(kSleepers);
  for (std::size_t i = 0; i < kSleepers; ++i) tasks.push_back(asyncio::create_task(sleep_once()));
  co_await asyncio::sleep(0s);  // now they all sleep
  const double bytes = resident_bytes() - before;
  for (const Task<>& task : tasks) co_await task;
  co_return bytes / static_cast<double>(kSleepers);
}

}  // namespace

void sleepers() {
  const auto begin = std::chrono::steady_clock::now();
  const double bytes = asyncio::run(sleep_all());
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
  print_row("1,000,000 sleepers, each", "B", bytes);
  print_row("1,000,000 sleepers, beyond 1 s", "s", wall.count() - 1);
}

}  // namespace bench
