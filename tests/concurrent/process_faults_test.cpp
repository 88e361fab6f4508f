// What may go wrong with worker processes: they are killed at each point of their lives, say what
// cannot be understood, cannot take things apart. Every future settles, and nothing is left.
#include <sys/resource.h>

#include <cstdlib>

#include "asyncio/concurrent/process_pool_executor.hpp"
#include "concurrent/frames.hpp"
#include "concurrent/pool_fixture.hpp"

namespace asyncio::test {
namespace {

using concurrent::BrokenProcessPool;
using concurrent::Future;
using concurrent::ProcessPoolExecutor;

using process_faults = PoolTest;

void no_core() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
}

int twice(int number) { return 2 * number; }

template <class T>
std::string error_of(const Future<T>& future) {
  return thrown_by([&] { return future.result(); });
}

std::string cause_of(const Future<int>& future) {
  const std::exception_ptr error = future.exception();
  const auto* broken = base::exception_cast<BrokenProcessPool>(error);
  return broken != nullptr ? broken->cause() : "none";
}

// --- workers that die ---------------------------------------------------------------------------

// As CPython's ProcessPoolExecutorTest.test_killed_child.
// Fault P1
TEST_F(process_faults, a_worker_killed_while_idle_breaks_the_pool) {
  ProcessPoolExecutor pool({.max_workers = 2});
  const int worker = pool.submit(::getpid).result();
  const ProcessWatch watch(worker);
  ::kill(worker, SIGKILL);
  EXPECT_TRUE(watch.ended());
  std::string text;
  while (text.empty()) {  // until the pool has heard of it
    text = thrown_by([&] { return pool.submit(twice, 1).result() == 2 ? throw 1 : 0; });
    if (text == "int") text.clear();
  }
  EXPECT_THAT(text, ::testing::AnyOf(kTerminated, kNotUsable));
  EXPECT_EQ(thrown_by([&] { return pool.submit(twice, 1); }), kNotUsable);
}

// Fault P1
TEST_F(process_faults, a_worker_killed_at_work_fails_all_that_is_not_done) {
  ProcessPoolExecutor pool({.max_workers = 2});
  Future<int> killed = pool.submit([] {
    shared->numbers[0] = ::getpid();
    return wait_in_worker(1);
  });
  Future<int> beside = pool.submit(wait_in_worker, 2);
  Future<int> waiting = pool.submit(twice, 3);
  Future<int> cancelled = pool.submit(twice, 4);
  cancelled.cancel();
  wait_for(shared->begun);
  wait_for(shared->begun);
  const int worker = shared->numbers[0];
  ::kill(worker, SIGKILL);
  for (const Future<int>& future : {killed, beside, waiting}) {
    EXPECT_EQ(error_of(future), kTerminated);
    EXPECT_EQ(cause_of(future),
              "Process " + std::to_string(worker) + " terminated abruptly with exit code -9");
  }
  EXPECT_TRUE(cancelled.cancelled());
  EXPECT_EQ(thrown_by([&] { return pool.submit(twice, 1); }), kNotUsable);
}

bool ran_a_handler = false;

// Fault P1
TEST_F(process_faults, exit_abort_and_a_crash_are_all_the_same_and_run_nothing_of_the_programs) {
  static const int registered = std::atexit([] {
    if (shared != nullptr) shared->numbers[1] = 1;
    ran_a_handler = true;
  });
  (void)registered;
  struct Way {
    void (*end)();
    int code;
  };
  for (const Way way :
       {Way{[] { std::exit(7); }, 7}, Way{[] { ::_exit(0); }, 0},
        Way{[] { std::abort(); }, -SIGABRT}, Way{[] { ::raise(SIGSEGV); }, -SIGSEGV},
        Way{[] { ::raise(SIGTERM); }, -SIGTERM}}) {
    ProcessPoolExecutor pool({.max_workers = 1}, no_core);
    auto future = pool.submit(way.end);
    const std::exception_ptr error = future.exception();
    const auto* broken = base::exception_cast<BrokenProcessPool>(error);
    ASSERT_NE(broken, nullptr) << describe(error);
    EXPECT_EQ(broken->exit_code(), way.code);
  }
  EXPECT_EQ(shared->numbers[1], 0);
}

// Fault P1
TEST_F(process_faults, pools_that_replace_their_dead_lose_only_the_call) {
  ProcessPoolExecutor pool({.max_workers = 2, .replace_dead_workers = true}, no_core);
  std::vector<Future<int>> futures;
  for (int i = 0; i < 20; ++i) {
    futures.push_back(pool.submit(
        [](int number) {
          if (number % 5 == 3) std::abort();
          return number;
        },
        i));
  }
  for (int i = 0; i < 20; ++i) {
    const Future<int>& future = futures[static_cast<std::size_t>(i)];
    EXPECT_EQ(error_of(future), i % 5 == 3 ? kTerminated : "nothing") << i;
  }
}

// Fault P3
TEST_F(process_faults, a_stuck_worker_can_be_killed_and_its_place_is_taken) {
  ProcessPoolExecutor pool({.max_workers = 1, .replace_dead_workers = true});
  Future<int> stuck = pool.submit(wait_in_worker, 1);
  wait_for(shared->begun);
  pool.pool().kill_group(0);
  EXPECT_EQ(error_of(stuck), kTerminated);
  EXPECT_EQ(pool.submit(twice, 2).result(), 4);
}

// Fault P1
TEST_F(process_faults, the_nursery_killed_ends_the_workers_and_the_pool) {
  ProcessPoolExecutor pool({.max_workers = 1});
  const int nursery = pool.submit(::getppid).result();
  const ProcessWatch worker(pool.submit(::getpid).result());
  Future<int> busy = pool.submit(wait_in_worker, 1);
  wait_for(shared->begun);
  ::kill(nursery, SIGKILL);
  EXPECT_EQ(error_of(busy), kTerminated);
  EXPECT_TRUE(worker.ended());
}

// Fault P11
TEST_F(process_faults, workers_and_nursery_end_when_the_program_is_killed) {
  const pid_t program = ::fork();
  if (program == 0) {
    ProcessPoolExecutor pool({.max_workers = 2});
    shared->numbers[0] = pool.submit(::getpid).result();  // will be idle
    shared->numbers[1] = pool.submit(::getppid).result();
    auto one = pool.submit([] {
      shared->numbers[2] = ::getpid();
      return wait_in_worker(1);
    });
    auto two = pool.submit([] {
      shared->numbers[3] = ::getpid();
      return wait_in_worker(1);
    });
    wait_for(shared->begun);
    wait_for(shared->begun);
    ::sem_post(&shared->release);  // one of them is idle soon
    shared->numbers[4] = 1;
    for (;;) ::pause();
  }
  while (shared->numbers[4] == 0) std::this_thread::yield();
  std::vector<ProcessWatch> watches;
  for (const int index : {1, 2, 3}) {
    watches.emplace_back(shared->numbers[static_cast<std::size_t>(index)]);
  }
  ::kill(program, SIGKILL);
  ::waitpid(program, nullptr, 0);
  for (const ProcessWatch& watch : watches) EXPECT_TRUE(watch.ended());
}

// --- answers that are none ----------------------------------------------------------------------

constexpr int kChannel = 3;  // where a worker has it

// Fault P1
// Fault P2
TEST_F(process_faults, a_worker_that_dies_within_its_answer) {
  ProcessPoolExecutor pool({.max_workers = 1});
  Future<int> cut = pool.submit([] {
    const char head[sizeof(detail::FrameHead)] = {'a', 's', 'i', 'o', 1,
                                                  0,   0,   0,   100};  // a result of 100 bytes
    if (::write(kChannel, head, sizeof head) < 0) return 1;
    if (::write(kChannel, "ten bytes.", 10) < 0) return 1;
    ::_exit(0);
  });
  EXPECT_EQ(error_of(cut), kTerminated);
}

// Fault P2
TEST_F(process_faults, a_worker_that_says_what_is_no_answer_is_ended) {
  ProcessPoolExecutor pool({.max_workers = 1, .replace_dead_workers = true});
  for (const bool too_large : {false, true}) {
    Future<int> broken = pool.submit(
        [](bool large) {
          char head[sizeof(detail::FrameHead)] = {'a', 's', 'i', 'o', 1};
          if (large) head[15] = 127;  // an answer of 9 exabytes
          if (!large) head[0] = 'b';
          if (::write(kChannel, head, sizeof head) < 0) return 1;
          for (;;) ::pause();
        },
        too_large);
    EXPECT_EQ(error_of(broken), kTerminated);
  }
  EXPECT_EQ(pool.submit(twice, 2).result(), 4);
}

// A text of a megabyte, of which `sent` bytes come beside the frame; `said` are announced.
int send_part_of_a_text(std::uint64_t said, std::size_t sent) {
  constexpr std::uint64_t kSize = std::uint64_t{1} << 20;
  detail::FrameHead head;
  head.kind = detail::FrameKind::result;
  head.size = sizeof kSize;
  head.beside = said;
  const std::string bytes(sent, 'x');
  if (::write(kChannel, &head, sizeof head) < 0) return 1;
  if (::write(kChannel, &kSize, sizeof kSize) < 0) return 1;
  return ::write(kChannel, bytes.data(), bytes.size()) < 0 ? 1 : 0;
}

// Fault P1
// Fault P2
TEST_F(process_faults, a_worker_that_dies_within_the_blocks_of_its_answer) {
  ProcessPoolExecutor pool({.max_workers = 1, .replace_dead_workers = true});
  Future<std::string> cut =
      pool.submit([]() -> std::string { ::_exit(send_part_of_a_text(1 << 20, 100'000)); });
  EXPECT_EQ(error_of(cut), kTerminated);
  Future<std::string> wrong = pool.submit([]() -> std::string {
    send_part_of_a_text(70'000, 70'000);
    for (;;) ::pause();
  });
  EXPECT_EQ(error_of(wrong), kTerminated);
  EXPECT_EQ(pool.submit(twice, 2).result(), 4);
}

// --- what cannot be taken apart, or put together (CPython: test_deadlock) -----------------------

enum class When : int { never, save, load };
enum class What : int { throws, exits };

// Misbehaves when it is taken apart (by whoever sends it), or when it is put together.
struct Trouble {
  When when = When::never;
  What what = What::throws;

  void strike() const {
    if (what == What::exits) ::_exit(5);
    throw std::runtime_error("trouble");
  }
  template <class Archive>
  void save(Archive& archive) const {
    if (when == When::save) strike();
    archive(when, what);
  }
  template <class Archive>
  void load(Archive& archive) {
    archive(when, what);
    if (when == When::load) strike();
  }
};

int take(const Trouble&) { return 1; }
Trouble give(When when, What what) { return {when, what}; }

// As CPython's test_deadlock: error_at_task_pickle, error_at_task_unpickle.
// Fault P2
TEST_F(process_faults, an_argument_that_cannot_travel_fails_its_call_alone) {
  ProcessPoolExecutor pool({.max_workers = 1});
  Future<int> before = pool.submit(twice, 1);
  Future<int> at_save = pool.submit(take, Trouble{When::save, What::throws});
  Future<int> at_load = pool.submit(take, Trouble{When::load, What::throws});
  Future<int> after = pool.submit(twice, 2);
  EXPECT_EQ(error_of(at_save),
            "concurrent::SerializationError: cannot serialize the arguments: trouble");
  EXPECT_EQ(error_of(at_load),
            "concurrent::SerializationError: cannot serialize the arguments: trouble");
  EXPECT_EQ(before.result() + after.result(), 6);
}

// As CPython's test_deadlock: error_during_result_pickle_on_worker,
// error_during_result_unpickle_in_result_handler.
// Fault P2
TEST_F(process_faults, a_result_that_cannot_travel_fails_its_call_alone) {
  ProcessPoolExecutor pool({.max_workers = 1});
  auto at_save = pool.submit(give, When::save, What::throws);
  auto at_load = pool.submit(give, When::load, What::throws);
  for (const auto& future : {at_save, at_load}) {
    EXPECT_EQ(thrown_by([&] { return future.result(); }),
              "concurrent::SerializationError: cannot serialize the result: trouble");
  }
  EXPECT_EQ(pool.submit(twice, 2).result(), 4);
}

// As CPython's test_deadlock: crash_at_task_unpickle, crash_during_result_pickle_on_worker. Fault
// P1
TEST_F(process_faults, a_worker_that_dies_over_a_value_breaks_the_pool) {
  {
    ProcessPoolExecutor pool({.max_workers = 1});
    EXPECT_EQ(error_of(pool.submit(take, Trouble{When::load, What::exits})), kTerminated);
  }
  ProcessPoolExecutor pool({.max_workers = 1});
  auto future = pool.submit(give, When::save, What::exits);
  EXPECT_EQ(thrown_by([&] { return future.result(); }), kTerminated);
}

// As CPython's test_deadlock: test_shutdown_deadlock_pickle.
// Fault P4
TEST_F(process_faults, shutdown_comes_back_after_a_call_that_could_not_travel) {
  ProcessPoolExecutor pool({.max_workers = 1});
  pool.submit(twice, 1).result();
  Future<int> failed = pool.submit(take, Trouble{When::save, What::throws});
  pool.shutdown({.wait = false});
  EXPECT_EQ(error_of(failed),
            "concurrent::SerializationError: cannot serialize the arguments: trouble");
  until_no_child_is_left();
}

// As CPython's test_deadlock: test_shutdown_deadlock.
// Fault P4
TEST_F(process_faults, shutdown_comes_back_when_the_worker_has_died) {
  ProcessPoolExecutor pool({.max_workers = 1});
  Future<int> future = pool.submit([]() -> int { ::_exit(1); });
  pool.shutdown({.cancel_futures = true});
  EXPECT_TRUE(future.done());
}

// As CPython's test_deadlock: test_crash_big_data.
// Fault P1
TEST_F(process_faults, a_worker_that_dies_while_much_is_sent_to_the_others) {
  ProcessPoolExecutor pool({.max_workers = 2});
  const std::string data(4U << 20, 'x');
  std::vector<Future<std::size_t>> futures;
  const std::string error = thrown_by([&] {
    for (int i = 0; i < 10; ++i) {
      futures.push_back(pool.submit(
          [](const std::string& text, int number) {
            if (number == 5) ::_exit(1);
            return text.size();
          },
          data, i));
    }
    return 0;
  });
  EXPECT_THAT(error, ::testing::AnyOf("nothing", kNotUsable));  // it may be broken by now
  pool.shutdown();
  for (const auto& future : futures) EXPECT_TRUE(future.done());
  EXPECT_EQ(thrown_by([&] { return futures.at(5).result(); }), kTerminated);
}

// As CPython's test_deadlock: test_gh105829_should_not_deadlock_if_wakeup_pipe_full.
// Fault P4
TEST_F(process_faults, any_number_of_calls_waits_for_a_busy_worker) {
  ProcessPoolExecutor pool({.max_workers = 1});
  Future<int> first = pool.submit(wait_in_worker, 1);
  wait_for(shared->begun);
  std::vector<Future<int>> futures;
  for (int i = 0; i < 100'000; ++i) futures.push_back(pool.submit(twice, i));
  ::sem_post(&shared->release);
  EXPECT_EQ(first.result(), 1);
  pool.shutdown({.cancel_futures = true});
  EXPECT_TRUE(futures.back().cancelled());
}

// --- a world that is short of things ------------------------------------------------------------

TEST_F(process_faults, without_descriptors_a_pool_says_so_and_leaves_nothing) {
  // A sanitizer that looks at a type for the first time needs a descriptor for that.
  EXPECT_NE(describe(make_os_error(EMFILE, "open")), "");
  ProcessPoolExecutor({.max_workers = 1});
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const rlimit few{static_cast<rlim_t>(open_descriptors()), before.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &few);
  const std::string text = thrown_by([] {
    ProcessPoolExecutor({.max_workers = 1});
    return 0;
  });
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_THAT(text, ::testing::HasSubstr("too many open files"));
}

TEST_F(process_faults, a_forked_child_leaves_the_pool_of_its_parent_alone) {
  ProcessPoolExecutor pool({.max_workers = 1});
  pool.submit(twice, 1).result();
  const pid_t child = ::fork();
  if (child == 0) {
    int code = 0;
    try {
      pool.submit(twice, 1);
      code = 1;
    } catch (const RuntimeError&) {
    }
    pool.~ProcessPoolExecutor();
    ::_exit(code);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(pool.submit(twice, 2).result(), 4);
}

}  // namespace
}  // namespace asyncio::test
