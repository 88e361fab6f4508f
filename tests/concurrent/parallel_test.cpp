// concurrent::Parallel: joblib's, with both kinds of workers.
#include "asyncio/concurrent/parallel.hpp"

#include <algorithm>
#include <latch>
#include <numeric>
#include <set>

#include "asyncio/task/timeouts.hpp"
#include "concurrent/pool_fixture.hpp"
#include "concurrent/progress_meter.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;
using concurrent::Parallel;
using concurrent::ParallelBackend;
using concurrent::ParallelOptions;
namespace return_as = concurrent::return_as;

class parallel : public PoolTest {
 protected:
  static std::vector<int> numbers(int count) {
    std::vector<int> all(static_cast<std::size_t>(count));
    std::iota(all.begin(), all.end(), 0);
    return all;
  }
  static std::vector<int> doubled(int count) {
    std::vector<int> all = numbers(count);
    for (int& number : all) number *= 2;
    return all;
  }
  /// Runs `check` with workers of each kind, and without.
  template <class Check>
  static void with_all_kinds(Check check, ParallelOptions options = {}) {
    for (const ParallelBackend backend : {ParallelBackend::processes, ParallelBackend::threads}) {
      for (const int n_jobs : {1, 3}) {
        SCOPED_TRACE(n_jobs);
        options.n_jobs = n_jobs;
        options.backend = backend;
        Parallel workers(options);
        check(workers);
      }
    }
  }
};

int twice(int number) { return 2 * number; }
int fail_at_seven(int number) {
  if (number == 7) throw ValueError("seven");
  return number;
}

TEST_F(parallel, gives_the_results_in_the_order_of_the_items) {
  with_all_kinds([](Parallel& workers) {
    EXPECT_EQ(workers(twice, numbers(1000)), doubled(1000));
    EXPECT_EQ(workers(twice, numbers(1)), doubled(1));
    EXPECT_EQ(workers(twice, std::vector<int>()), std::vector<int>());
  });
  for (const std::size_t batch_size : {1U, 7U, 5000U}) {
    with_all_kinds([](Parallel& workers) { EXPECT_EQ(workers(twice, numbers(50)), doubled(50)); },
                   {.batch_size = batch_size});
  }
}

TEST_F(parallel, takes_functions_without_a_result_and_items_of_any_kind) {
  with_all_kinds([](Parallel& workers) {
    shared->numbers[0] = 0;
    const std::vector<std::monostate> nothing = workers(
        [](const std::string& text) { shared->numbers[0] += static_cast<int>(text.size()); },
        std::set<std::string>{"a", "bb"});
    EXPECT_EQ(nothing.size(), 2U);
    EXPECT_EQ(shared->numbers[0], 3);
    EXPECT_EQ(workers([](bool flag) { return !flag; }, std::vector<bool>{true, false}),
              (std::vector<bool>{false, true}));
    EXPECT_EQ(workers([](const std::string& text) { return text.size(); },
                      std::vector<const char*>{"one"}),
              std::vector<std::size_t>{3});
  });
}

struct Counted {
  Counted() = default;
  Counted(const Counted& other) : copies(other.copies) { ++*copies; }
  Counted(Counted&&) noexcept = default;
  Counted& operator=(const Counted&) = delete;
  Counted& operator=(Counted&&) noexcept = default;
  std::atomic<int>* copies = nullptr;
};

TEST_F(parallel, looks_at_the_items_where_they_stand) {
  for (const int n_jobs : {1, 3}) {
    std::atomic<int> copies{0};
    std::vector<Counted> items(50);
    for (Counted& item : items) item.copies = &copies;
    Parallel workers({.n_jobs = n_jobs, .backend = ParallelBackend::threads});
    const auto look = [](const Counted& item) { return item.copies != nullptr; };
    EXPECT_EQ(workers(look, items), std::vector<bool>(50, true));
    EXPECT_EQ(copies, 0);
    const auto take = [](Counted item) { return item.copies != nullptr; };
    EXPECT_EQ(workers(take, items), std::vector<bool>(50, true));
    EXPECT_EQ(copies, 50);
    EXPECT_NE(items[0].copies, nullptr);
    // This one comes back before the work is done.
    for (const bool looked : workers(return_as::generator, look, items)) EXPECT_TRUE(looked);
    EXPECT_EQ(copies, 100);
    EXPECT_EQ(workers(take, std::move(items)), std::vector<bool>(50, true));
    EXPECT_EQ(copies, 100);
  }
}

TEST_F(parallel, takes_items_that_can_only_be_moved_from_a_vector_that_is_given_away) {
  for (const int n_jobs : {1, 2}) {
    Parallel workers({.n_jobs = n_jobs, .backend = ParallelBackend::threads});
    const auto make = [] {
      std::vector<std::unique_ptr<int>> items;
      for (int i = 0; i < 3; ++i) items.push_back(std::make_unique<int>(i));
      return items;
    };
    const auto take = [](std::unique_ptr<int> item) { return *item; };
    EXPECT_EQ(workers(take, make()), numbers(3));
    int sum = 0;
    for (const int number : workers(return_as::generator_unordered, take, make())) sum += number;
    EXPECT_EQ(sum, 3);
  }
}

// The caller's items may go when the call has failed, so nobody may be at them any more.
TEST_F(parallel, a_call_that_fails_leaves_nobody_with_the_items) {
  with_all_kinds([](Parallel& workers) {
    for (int round = 0; round < 5; ++round) {
      std::vector<std::string> items(200, std::string(2000, 'x'));
      items[7] = "seven";
      const auto look = [](const std::string& item) {
        if (item == "seven") throw ValueError(item);
        return item;
      };
      EXPECT_THROW(workers(look, items), ValueError);
    }
  });
}

TEST_F(parallel, threads_take_functions_that_hold_and_return_anything) {
  Parallel workers({.n_jobs = 2, .backend = ParallelBackend::threads});
  std::atomic<int> sum{0};
  auto results = workers(
      [&](int number) {
        sum += number;
        return std::make_unique<int>(number);
      },
      numbers(10));
  EXPECT_EQ(sum, 45);
  EXPECT_EQ(*results[9], 9);
}

TEST_F(parallel, processes_say_why_they_do_not) {
  Parallel workers({.n_jobs = 2});
  int factor = 2;
  EXPECT_THAT(
      thrown_by([&] { return workers([factor](int n) { return n * factor; }, numbers(3)); }),
      ::testing::StartsWith("TypeError: this function, its items or its results cannot travel"));
}

TEST_F(parallel, as_a_generator_in_order_or_as_they_come) {
  with_all_kinds([](Parallel& workers) {
    std::vector<int> in_order;
    for (const int value : workers(return_as::generator, twice, numbers(100))) {
      in_order.push_back(value);
    }
    EXPECT_EQ(in_order, doubled(100));
    std::vector<int> as_they_come;
    for (const int value : workers(return_as::generator_unordered, twice, numbers(100))) {
      as_they_come.push_back(value);
    }
    std::sort(as_they_come.begin(), as_they_come.end());
    EXPECT_EQ(as_they_come, doubled(100));
  });
}

TEST_F(parallel, unordered_the_quick_one_comes_before_the_slow_one) {
  Parallel workers({.n_jobs = 2, .batch_size = 1});
  auto results = workers(
      return_as::generator_unordered,
      [](int number) { return number == 0 ? wait_in_worker(number) : number; }, numbers(2));
  EXPECT_EQ(results.next(), 1);
  ::sem_post(&shared->release);
  EXPECT_EQ(results.next(), 0);
  EXPECT_EQ(results.next(), std::nullopt);
}

TEST_F(parallel, a_generator_may_be_left_before_its_end) {
  with_all_kinds([](Parallel& workers) {
    {
      auto results = workers(return_as::generator, twice, numbers(1000));
      EXPECT_EQ(results.next(), 0);
    }
    EXPECT_EQ(workers(twice, numbers(10)), doubled(10));
  });
}

TEST_F(parallel, the_workers_of_a_temporary_live_as_long_as_its_generator) {
  int sum = 0;
  for (const int value : Parallel(2)(return_as::generator, twice, numbers(10))) sum += value;
  EXPECT_EQ(sum, 90);
}

TEST_F(parallel, the_first_exception_ends_the_rest_and_the_next_call_is_not_spoiled) {
  with_all_kinds([](Parallel& workers) {
    EXPECT_EQ(thrown_by([&] { return workers(fail_at_seven, numbers(10000)); }),
              "ValueError: seven");
    EXPECT_EQ(workers(twice, numbers(10)), doubled(10));
  });
}

TEST_F(parallel, processes_that_are_at_work_are_killed_at_an_exception) {
  Parallel workers({.n_jobs = 2, .batch_size = 1});
  EXPECT_EQ(thrown_by([&] {
              return workers(
                  [](int number) {
                    if (number == 0) return wait_in_worker(number);  // nobody will release it
                    wait_for(shared->begun);
                    throw ValueError("the other one");
                  },
                  numbers(2));
            }),
            "ValueError: the other one");
  EXPECT_EQ(workers(twice, numbers(10)), doubled(10));
}

TEST_F(parallel, a_process_that_dies_is_an_exception_too) {
  Parallel workers({.n_jobs = 2, .batch_size = 1});
  EXPECT_EQ(thrown_by([&] {
              return workers([](int number) { return number == 3 ? (::_exit(1), 0) : number; },
                             numbers(10));
            }),
            kTerminated);
  EXPECT_EQ(workers(twice, numbers(10)), doubled(10));
}

// Fault P3
TEST_F(parallel, gives_up_when_nothing_is_finished_for_the_time_given) {
  Parallel workers({.n_jobs = 2, .batch_size = 1, .timeout = 1ms});
  EXPECT_EQ(thrown_by([&] { return workers(wait_in_worker, numbers(2)); }), "TimeoutError");
}

TEST_F(parallel, counts_its_workers_as_joblib_does) {
  const int processors = static_cast<int>(std::thread::hardware_concurrency());
  EXPECT_EQ(Parallel({.n_jobs = -1, .backend = ParallelBackend::threads}).n_jobs(), processors);
  EXPECT_EQ(Parallel({.n_jobs = -1000, .backend = ParallelBackend::threads}).n_jobs(), 1);
  EXPECT_EQ(thrown_by([] { return Parallel(0).n_jobs(); }),
            "ValueError: n_jobs == 0 in Parallel has no meaning");
}

TEST_F(parallel, tells_its_progress_even_without_workers) {
  with_all_kinds([](Parallel& workers) {
    std::vector<std::size_t> heard;
    workers.on_progress([&](std::size_t done, std::size_t total) {
      EXPECT_EQ(total, 100U);
      heard.push_back(done);
    });
    workers(twice, numbers(100));
    EXPECT_TRUE(std::is_sorted(heard.begin(), heard.end()));
    ASSERT_FALSE(heard.empty());
    EXPECT_EQ(heard.back(), 100U);
  });
}

TEST_F(parallel, an_exception_of_the_progress_callback_is_one_of_the_call) {
  with_all_kinds([](Parallel& workers) {
    workers.on_progress([](std::size_t, std::size_t) { throw ValueError("enough"); });
    EXPECT_EQ(thrown_by([&] { return workers(twice, numbers(1000)); }), "ValueError: enough");
  });
}

TEST_F(parallel, an_exception_of_the_last_progress_callback_is_not_lost) {
  with_all_kinds([](Parallel& workers) {
    workers.on_progress([](std::size_t done, std::size_t total) {
      if (done == total) throw ValueError("at the end");
    });
    EXPECT_EQ(thrown_by([&] { return workers(twice, numbers(100)); }), "ValueError: at the end");
  });
}

TEST_F(parallel, can_be_awaited) {
  with_all_kinds([](Parallel& workers) {
    EventLoop loop;
    EXPECT_EQ(loop.run_until_complete([](Parallel& of) -> Coro<std::vector<int>> {
      co_return co_await of.async(twice, numbers(100));
    }(workers)),
              doubled(100));
    EXPECT_EQ(thrown_by([&] {
                return loop.run_until_complete([](Parallel& of) -> Coro<std::vector<int>> {
                  co_return co_await of.async(fail_at_seven, numbers(100));
                }(workers));
              }),
              "ValueError: seven");
    loop.close();
  });
}

TEST_F(parallel, cancelling_the_await_ends_the_processes) {
  Parallel workers({.n_jobs = 2, .batch_size = 1});
  EventLoop loop;
  loop.run_until_complete([](Parallel& of) -> Coro<> {
    auto future = of.async(wait_in_worker, numbers(50));
    wait_for(shared->begun);
    future.cancel();
    auto outcome = co_await try_(future);
    EXPECT_TRUE(base::exception_is<CancelledError>(outcome.exception()));
    // Whoever was stuck is gone: all workers are free.
    auto results = co_await of.async(twice, numbers(10));
    EXPECT_EQ(results, doubled(10));
  }(workers));
  loop.close();
}

// --- what people see ----------------------------------------------------------------------------

TEST_F(parallel, draws_a_bar) {
  EXPECT_EQ(detail::render_progress_bar(2, 5, 10, 1.25, false),
            "[Parallel(n_jobs=2)]  50% |##########          | 5/10 [1.2s<1.2s]");
  EXPECT_EQ(detail::render_progress_bar(2, 10, 10, 90, true),
            "[Parallel(n_jobs=2)] 100% |\x1b[32m####################\x1b[0m| 10/10 [1.5min<0.0s]");
  EXPECT_EQ(detail::render_progress_bar(1, 0, 0, 0, false),
            "[Parallel(n_jobs=1)] 100% |####################| 0/0 [0.0s<0.0s]");
}

TEST_F(parallel, writes_lines_as_joblib_does) {
  EXPECT_EQ(detail::render_progress_line(2, 4, 10, 0.8),
            "[Parallel(n_jobs=2)]: Done   4 out of  10 | elapsed:    0.8s remaining:    1.2s");
  EXPECT_EQ(detail::render_progress_line(2, 10, 10, 2),
            "[Parallel(n_jobs=2)]: Done  10 out of  10 | elapsed:    2.0s finished");
}

TEST_F(parallel, writes_lines_when_it_is_to_be_verbose_and_no_bar_off_a_terminal) {
  ::testing::internal::CaptureStderr();
  Parallel({.n_jobs = 1, .verbose = 1, .progress = true})(twice, numbers(3));
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(text,
              ::testing::MatchesRegex(
                  R"(\[Parallel\(n_jobs=1\)\]: Done   3 out of   3 \| elapsed: .*s finished.)"));
}

}  // namespace
}  // namespace asyncio::test
