// What each operation does when there is no memory for it: one at a time, with each of its
// allocations failing in turn. The scenarios beside this one found these; here each has its own
// name. (heap_test.cpp replaces the heap of this program.)
#include <sys/socket.h>

#include <functional>

#include "asyncio/base/pool.hpp"
#include "asyncio/coro/enter.hpp"
#include "asyncio/coro/with.hpp"
#include "asyncio/io/socket.hpp"
#include "asyncio/net/server.hpp"
#include "asyncio/net/tcp.hpp"
#include "asyncio/run/event_loop.hpp"
#include "asyncio/sync/barrier.hpp"
#include "asyncio/sync/lock.hpp"
#include "asyncio/task/task_group.hpp"
#include "asyncio/threads/to_thread.hpp"
#include "support/simulated_test.hpp"
#include "testing/allocation_faults.hpp"
#include "torture/torture.hpp"

namespace asyncio::torture {
namespace {

using test::thrown_by;
using testing::AllocationFaults;

bool is_bad_alloc(const std::exception_ptr& error) {
  return base::exception_is<std::bad_alloc>(error);
}

/// Between begin() and end() one allocation fails, or all from one on.
class Faults {
 public:
  Faults(std::uint64_t index, bool all) : index_(index), all_(all) {}
  Faults(const Faults&) = delete;
  ~Faults() { end(); }

  void begin() {
    hit_ = false;
#if ASYNCIO_DCHECK
    base::Pool::before_allocate = [](std::size_t) { AllocationFaults::count(); };
#endif
    AllocationFaults::arm(index_, all_);
  }
  void end() noexcept {
    if (AllocationFaults::disarm()) hit_ = true;
#if ASYNCIO_DCHECK
    base::Pool::before_allocate = nullptr;
#endif
  }
  /// Whether one has failed.
  [[nodiscard]] bool hit() const { return hit_; }

 private:
  std::uint64_t index_;
  bool all_;
  bool hit_ = false;
};

class no_memory : public test::SimulatedTest {
 protected:
  using Main = std::function<Coro<>(Faults&)>;
  /// Runs `main` until no allocation of it is left to fail.
  void each_allocation_fails(const Main& main) {
    for (const bool all : {false, true}) {
      bool hit = true;
      std::uint64_t index = 0;
      for (; hit && index < 1000; ++index) {
        Faults faults(index, all);
        run(main(faults));
        hit = faults.hit();
      }
      EXPECT_FALSE(hit);
      RecordProperty("allocations", static_cast<int>(index - 1));
    }
  }
  // Reports that lack what there was no memory for, and coroutines that no task could be made of.
  void SetUp() override {
    before_ = set_log_handler([](LogLevel, std::string_view) {});
  }
  void TearDown() override {
    set_log_handler(before_);
    test::SimulatedTest::TearDown();
  }

 private:
  LogHandler before_ = nullptr;
};

Coro<> runs_a_block(Lock& lock, Faults& faults) {
  auto block = []() -> Coro<> { co_await sleep(0s); };
  faults.begin();
  co_await with(lock, block);
}
TEST_F(no_memory, with_leaves_a_resource_whose_block_cannot_begin) {
  each_allocation_fails([](Faults& faults) -> Coro<> {
    Lock lock;
    Result<void> result = co_await try_(runs_a_block(lock, faults));
    faults.end();
    EXPECT_FALSE(lock.locked());
    EXPECT_TRUE(result.ok() || is_bad_alloc(result.exception()));
  });
}

Coro<> enters(Lock& lock, Faults& faults) {
  (void)co_await enter<Lock&>(lock);
  faults.begin();
  co_await sleep(0s);
}
TEST_F(no_memory, the_exit_of_enter_fails_as_a_call_does) {
  each_allocation_fails([](Faults& faults) -> Coro<> {
    Lock lock;
    Result<void> result = co_await try_(enters(lock, faults));
    faults.end();
    EXPECT_TRUE(result.ok() || is_bad_alloc(result.exception()));
  });
}

TEST_F(no_memory, a_barrier_stays_usable) {
  each_allocation_fails([](Faults& faults) -> Coro<> {
    Barrier barrier(2);
    auto waits = [](Barrier& at) -> Coro<> { (void)co_await at.wait(); };
    Task<> first = create_task(waits(barrier));
    co_await sleep(0s);
    auto aborts = [](Barrier& of, Faults& failing) -> Coro<> {
      failing.begin();
      co_await of.abort();
    };
    Result<void> aborted = co_await try_(aborts(barrier, faults));
    faults.end();
    if (!aborted.ok()) co_await barrier.abort();
    Result<void> waited = co_await try_(wait_for(first, 1s));
    EXPECT_FALSE(waited.ok());
    co_await wait_for(barrier.reset(), 1s);
    Task<> third = create_task(waits(barrier));
    co_await wait_for(barrier.wait(), 1s);
    co_await third;
  });
}

TEST_F(no_memory, a_timeout_is_a_timeout_or_says_that_there_is_none) {
  each_allocation_fails([](Faults& faults) -> Coro<> {
    Future<> never = get_running_loop().create_future<void>();
    get_running_loop().call_later(500ms, [&faults] { faults.begin(); });
    Result<void> result = co_await try_(wait_for(never, 1s));
    faults.end();
    EXPECT_TRUE(base::exception_is<TimeoutError>(result.exception()) ||
                is_bad_alloc(result.exception()));
  });
}

TEST_F(no_memory, a_cancellation_may_lose_its_message_and_nothing_else) {
  each_allocation_fails([](Faults& faults) -> Coro<> {
    Task<> task = create_task([]() -> Coro<> { co_await sleep(1h); });
    co_await sleep(0s);
    task.cancel("a message that is too long for a small string");
    faults.begin();
    Result<void> result = co_await try_(task);
    faults.end();
    if (is_bad_alloc(result.exception())) co_await sleep(0s);  // the wait could not begin
    EXPECT_TRUE(task.cancelled()) << task.repr() << test::describe(result.exception());
  });
}

TEST_F(no_memory, a_task_group_ends_with_its_errors_or_with_bad_alloc) {
  scheduler().set_exception_handler([](Scheduler&, const ExceptionContext&) {});
  each_allocation_fails([](Faults& faults) -> Coro<> {
    int left = 0;
    auto block = [&](TaskGroup& tg) -> Coro<> {
      auto fails = [](int& ended) -> Coro<> {
        Result<void> slept = co_await try_(sleep(1ms));
        ++ended;
        throw ValueError("on purpose");
      };
      (void)tg.create_task(fails(left));
      (void)tg.create_task(fails(left));
      co_await sleep(0s);
      faults.begin();
    };
    Result<void> result = co_await try_(with(TaskGroup{}, block));
    faults.end();
    EXPECT_EQ(left, 2);
    EXPECT_FALSE(result.ok());
  });
}

TEST_F(no_memory, what_a_thread_has_done_is_told_in_any_case) {
  each_allocation_fails([](Faults& faults) -> Coro<> {
    auto twice = [](int number) { return 2 * number; };
    Future<int> future = get_running_loop().run_in_executor(nullptr, twice, 4);
    auto waits = [](Future<int> of, Faults& failing) -> Coro<int> {
      failing.begin();
      co_return co_await of;
    };
    Result<int> result = co_await try_(waits(future, faults));
    faults.end();
    EXPECT_TRUE(result.ok() || is_bad_alloc(result.exception()));
    if (!future.done()) co_await wait_for(future, 1s);
  });
}

TEST_F(no_memory, a_callback_of_a_concurrent_future_that_fails_is_reported) {
  each_allocation_fails([](Faults& faults) -> Coro<> {
    concurrent::Future<int> future;
    bool second = false;
    future.add_done_callback([](const concurrent::Future<int>&) { throw ValueError("here"); });
    future.add_done_callback([&](const concurrent::Future<int>&) { second = true; });
    faults.begin();
    future.set_result(1);
    faults.end();
    EXPECT_TRUE(second);
    co_return;
  });
}

TEST_F(no_memory, who_asks_for_the_running_loop_is_told) {
  Scheduler bare(std::make_unique<testing::SimulatedBackend>());
  Faults faults(0, true);
  std::string outcome;
  bare.call_soon([&] {
    faults.begin();
    try {
      (void)get_running_loop();
      faults.end();
      outcome = "found";
    } catch (const std::bad_alloc&) {
      faults.end();
      outcome = "std::bad_alloc";
    }
    bare.stop();
  });
  bare.run_forever();
  EXPECT_TRUE(outcome == "std::bad_alloc" || !faults.hit()) << outcome;
}

Coro<> sends_and_breaks(StreamWriter writer, Faults& faults) {
  faults.begin();
  for (int i = 0; i < 3; ++i) {
    writer.write("a line that the peer will never read\n");
    co_await writer.drain();
    co_await sleep(1ms);
  }
}
TEST_F(no_memory, a_send_that_fails_is_an_error_of_the_writer) {
  each_allocation_fails([this](Faults& faults) -> Coro<> {
    auto hangs_up = [](const StreamReader&, StreamWriter writer) { writer.abort(); };
    Server server = co_await start_server(hangs_up, "127.0.0.1", 0);
    StreamPair pair = co_await open_connection("127.0.0.1", server.sockets().at(0).port());
    co_await sleep(1ms);
    Result<void> sent = co_await try_(sends_and_breaks(pair.second, faults));
    faults.end();
    EXPECT_FALSE(sent.ok());
    pair.second.abort();
    server.close();
    co_await sleep(1ms);
    EXPECT_EQ(network().open_descriptors(), 0U);
  });
}

TEST_F(no_memory, a_receive_without_a_buffer_is_an_error) {
  each_allocation_fails([this](Faults& faults) -> Coro<> {
    auto greets = [](const StreamReader&, StreamWriter writer) { writer.write("hello"); };
    Server server = co_await start_server(greets, "127.0.0.1", 0);
    Socket socket(scheduler());
    EXPECT_EQ(socket.open(AF_INET, SOCK_STREAM), 0);
    co_await socket.connect(server.sockets().at(0));
    faults.begin();
    auto received = co_await try_(socket.recv_some());
    faults.end();
    EXPECT_TRUE(received.ok() || is_bad_alloc(received.exception()) ||
                base::exception_is<OSError>(received.exception()));
    socket.close();
    server.close();
    co_await sleep(1ms);
  });
}

}  // namespace
}  // namespace asyncio::torture
