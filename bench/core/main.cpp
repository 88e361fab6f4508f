// The core items, one after the other: `bench_core [quick]`, `bench_core sleepers` (in a process of
// its own, for its memory), `bench_core growth`, `bench_core profile ITEM N` (only that, for a
// profiler).
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "bench/core/items.hpp"
#include "bench/core/meter.hpp"

namespace {

struct Row {
  const char* name;
  bench::Item item;
  std::size_t least_n;
};

constexpr Row kRows[] = {
    {"await a trivial coroutine", &bench::await_trivial, 1000},
    {"create_task + await, one at a time", &bench::task_single, 1000},
    {"create_task + await, 1,000 at a time", &bench::task_batch, 1000},
    {"sleep(0), 1 task", &bench::switch_one, 1000},
    {"sleep(0), 1 task, a socket watched", &bench::switch_one_watching, 1000},
    {"sleep(0), 2 tasks", &bench::switch_two, 1000},
    {"sleep(0), 100 tasks", &bench::switch_hundred, 1000},
    {"sleep(0), 100,000 tasks", &bench::switch_many, 500'000},
    {"call_soon", &bench::call_soon, 1000},
    {"call_later + cancel", &bench::call_later_cancel, 1000},
    {"future: set + wake", &bench::future_wake, 256 * 4},
    {"queue: put + get, nobody waits", &bench::queue_free, 1000},
    {"queue of 1: put + get, two tasks", &bench::queue_one, 1000},
    {"queue of 100: put + get, two tasks", &bench::queue_hundred, 1000},
    {"lock: acquire + release, free", &bench::lock_free, 1000},
    {"lock: handed over", &bench::lock_handover, 1000},
    {"event: set + wake", &bench::event_wake, 256 * 4},
    {"gather of 10,000, per child", &bench::gather_many, 10'000},
    {"TaskGroup of 10,000, per child", &bench::task_group_many, 10'000},
    {"as_completed of 10,000, per child", &bench::as_completed_many, 10'000},
    {"run(nothing)", &bench::run_nothing, 100},
    {"raise through 1 coroutine", &bench::raise_1, 100},
    {"raise through 5 coroutines", &bench::raise_5, 100},
    {"raise through 10 coroutines", &bench::raise_10, 100},
    {"raise through 20 coroutines", &bench::raise_20, 100},
    {"raise with pass() through 1 coroutine", &bench::pass_1, 100},
    {"raise with pass() through 5 coroutines", &bench::pass_5, 100},
    {"raise with pass() through 10 coroutines", &bench::pass_10, 100},
    {"raise with pass() through 20 coroutines", &bench::pass_20, 100},
    {"cancel + join of a sleeper", &bench::cancel_join_0, 100},
    {"cancel + join of a sleeper, 5 deep", &bench::cancel_join_5, 100},
    {"cancel + join of a sleeper, 20 deep", &bench::cancel_join_20, 100},
    {"cancel + try_() of a sleeper", &bench::cancel_try_0, 100},
    {"cancel + try_() of a sleeper, 5 deep", &bench::cancel_try_5, 100},
    {"cancel + try_() of a sleeper, 20 deep", &bench::cancel_try_20, 100},
    {"cancel + try_() through pass()", &bench::cancel_pass_0, 100},
    {"cancel + try_() through pass(), 5 deep", &bench::cancel_pass_5, 100},
    {"cancel + try_() through pass(), 20 deep", &bench::cancel_pass_20, 100},
    {"call_soon_threadsafe flood, caller", &bench::flood_caller, 100'000},
    {"call_soon_threadsafe flood, both threads", &bench::flood_both, 100'000},
};

void print_all(const bench::Effort& effort) {
  double await_ns = 0;
  for (const Row& row : kRows) {
    const double time = bench::ns_per_operation(row.item, row.least_n, effort);
    if (row.item == &bench::await_trivial) await_ns = time;
    bench::print_row(row.name, "ns", time);
  }
  const double wait_for_ns = bench::ns_per_operation(&bench::wait_for_trivial, 1000, effort);
  bench::print_row("wait_for that does not fire, over the await", "ns", wait_for_ns - await_ns);
  bench::thread_items(effort);
}

int profile(std::string_view name, std::size_t n) {
  for (const Row& row : kRows) {
    if (name != row.name) continue;
    bench::print_row(row.name, "ns", row.item(n) / static_cast<double>(n));
    return 0;
  }
  std::fprintf(stderr, "bench_core: no item of that name\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "sleepers") {
    bench::sleepers();
  } else if (command == "growth") {
    bench::growth();
  } else if (command == "profile" && argc == 4) {
    return profile(argv[2], std::strtoull(argv[3], nullptr, 10));
  } else {
    bench::Effort effort;
    if (command == "quick") effort = {.repeats = 3, .repeat_ns = 1'000'000};
    print_all(effort);
  }
}
