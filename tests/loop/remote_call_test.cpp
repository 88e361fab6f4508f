// Handles of call_soon_threadsafe: cancelled from any thread, at any moment.
#include "asyncio/loop/remote_call.hpp"

#include <atomic>
#include <latch>
#include <memory>
#include <thread>
#include <vector>

#include "asyncio/base/error.hpp"
#include "asyncio/loop/remote_loop.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using thread_safe_handle = QuietTest;
using remote_loop = QuietTest;
using wrong_thread = QuietTest;

void turn(Scheduler& loop) {
  loop.stop();
  loop.run_forever();
}

TEST_F(thread_safe_handle, cancelled_in_time_its_callback_never_runs_and_is_destroyed_at_once) {
  Scheduler loop;
  Trace trace;
  ThreadSafeHandle handle =
      loop.call_soon_threadsafe([held = Noted(trace, "held"), &trace] { trace("ran"); });
  ThreadSafeHandle copy = handle;
  EXPECT_FALSE(copy.cancelled());
  std::thread([&] { handle.cancel(); }).join();
  EXPECT_EQ(trace, (Trace{"~held"}));
  EXPECT_TRUE(copy.cancelled());
  copy.cancel();
  turn(loop);
  EXPECT_EQ(trace, (Trace{"~held"}));
}

TEST_F(thread_safe_handle, dropping_it_does_not_cancel) {
  Scheduler loop;
  Trace trace;
  loop.call_soon_threadsafe([&] { trace("dropped"); });
  const ThreadSafeHandle kept = loop.call_soon_threadsafe([&] { trace("kept"); });
  turn(loop);
  EXPECT_EQ(trace, (Trace{"dropped", "kept"}));
  EXPECT_FALSE(kept.cancelled());
}

TEST_F(thread_safe_handle, may_outlive_its_loop) {
  ThreadSafeHandle ran;
  ThreadSafeHandle never_ran;
  {
    Scheduler loop;
    ran = loop.call_soon_threadsafe([] {});
    turn(loop);
    never_ran = loop.call_soon_threadsafe([] { FAIL(); });
  }
  ran.cancel();
  never_ran.cancel();
  EXPECT_TRUE(ran.cancelled() && never_ran.cancelled());
}

// CPython: test_events::EventLoopTestsMixin::test_call_soon_threadsafe_handle_block_cancellation
// Rule 2.10
TEST_F(thread_safe_handle, cancelling_waits_for_a_callback_that_runs_in_the_loop) {
  Scheduler loop;
  std::latch begun(1);
  std::latch cancelling(1);
  std::atomic<bool> ended{false};
  ThreadSafeHandle handle = loop.call_soon_threadsafe([&] {
    begun.count_down();
    cancelling.wait();
    // The other thread is about to wait; whenever it comes, it must find this done.
    for (int i = 0; i < 100; ++i) std::this_thread::yield();
    ended = true;
  });
  std::thread other([&] {
    begun.wait();
    EXPECT_FALSE(ended);
    cancelling.count_down();
    handle.cancel();
    EXPECT_TRUE(ended);
    EXPECT_TRUE(handle.cancelled());
    loop.call_soon_threadsafe([&] { loop.stop(); });
  });
  loop.run_forever();
  other.join();
}

// CPython: test_events::EventLoopTestsMixin::test_call_soon_threadsafe_handle_cancel_other_thread
// Rule 2.10
TEST_F(thread_safe_handle, another_thread_cancels_what_has_not_begun) {
  Scheduler loop;
  std::latch cancelled(1);
  ThreadSafeHandle handle;
  std::thread other;
  loop.call_soon([&] {
    handle = loop.call_soon_threadsafe([] { FAIL(); });
    other = std::thread([&] {
      handle.cancel();
      cancelled.count_down();
      loop.call_soon_threadsafe([&] { loop.stop(); });
    });
    cancelled.wait();
  });
  loop.run_forever();
  other.join();
  EXPECT_TRUE(handle.cancelled());
}

TEST_F(thread_safe_handle, a_callback_may_cancel_itself) {
  Scheduler loop;
  ThreadSafeHandle handle;
  bool went_on = false;
  handle = loop.call_soon_threadsafe([&] {
    handle.cancel();
    went_on = true;
  });
  turn(loop);
  EXPECT_TRUE(went_on);
  EXPECT_TRUE(handle.cancelled());
}

TEST_F(thread_safe_handle, many_threads_cancel_while_the_loop_runs_them) {
  Scheduler loop;
  constexpr int kEach = 500;
  std::atomic<int> left{4};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        auto mine = std::make_unique<int>(0);
        ThreadSafeHandle handle = loop.call_soon_threadsafe([number = mine.get()] { ++*number; });
        handle.cancel();
        mine.reset();  // what the callback uses may go
      }
      if (--left == 0) loop.call_soon_threadsafe([&] { loop.stop(); });
    });
  }
  loop.run_forever();
  for (std::thread& thread : threads) thread.join();
}

TEST_F(thread_safe_handle, what_its_callback_throws_goes_to_the_exception_handler) {
  Scheduler loop;
  std::string handle;
  loop.set_exception_handler([&](Scheduler&, const ExceptionContext& context) {
    EXPECT_EQ(describe(context.exception), "ValueError: remote");
    if (context.handle != nullptr) handle = context.handle->repr();
  });
  loop.call_soon_threadsafe([] { throw ValueError("remote"); });
  turn(loop);
  EXPECT_THAT(handle, ::testing::HasSubstr("<Handle "));
}

// --- RemoteLoop ---------------------------------------------------------------------------------

// Fault L13
TEST_F(remote_loop, reaches_the_loop_until_it_closes) {
  Trace trace;
  std::shared_ptr<detail::RemoteLoop> remote;
  base::UniqueFunction<void()> late = [&] { trace("late"); };
  {
    Scheduler loop;
    remote = loop.remote();
    base::UniqueFunction<void()> call = [&] { trace("called"); };
    EXPECT_TRUE(remote->call_soon(call));
    turn(loop);
    loop.close();
    EXPECT_FALSE(remote->call_soon(late));
  }
  EXPECT_FALSE(remote->call_soon(late));
  EXPECT_EQ(trace, (Trace{"called"}));
}

// Fault L13
TEST_F(remote_loop, what_many_threads_send_while_it_closes_has_run_or_was_refused_or_let_go) {
  let_blocks_migrate();
  constexpr int kThreads = 8;
  std::atomic<long> ran{0};
  std::atomic<long> accepted{0};
  std::atomic<long> let_go{0};
  std::atomic<bool> closed{false};
  std::atomic<bool> ran_after_close{false};
  // Tells of its end, whether it was called or not.
  const auto make_call = [&] {
    std::shared_ptr<void> end(nullptr, [&](void*) { ++let_go; });
    return [&, end] {
      ++ran;
      if (closed) ran_after_close = true;
    };
  };
  {
    Scheduler loop;
    const std::shared_ptr<detail::RemoteLoop> remote = loop.remote();
    std::latch busy(kThreads);
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        for (long sent = 0;; ++sent) {
          base::UniqueFunction<void()> call = make_call();
          if (!remote->call_soon(call)) return;
          ++accepted;
          if (sent == 100) busy.count_down();
        }
      });
    }
    do {
      turn(loop);
    } while (ran == 0 || !busy.try_wait());
    loop.close();
    closed = true;
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_GT(ran, 0);
  EXPECT_LE(ran, accepted);
  EXPECT_FALSE(ran_after_close);
  // Each thread's last one was refused.
  EXPECT_EQ(let_go, accepted + kThreads);
}

// --- debug mode ---------------------------------------------------------------------------------

// CPython: test_base_events::BaseEventLoopTests::test_check_thread
// Rule 2.10
TEST_F(wrong_thread, debug_mode_refuses_calls_from_another_thread_while_the_loop_runs) {
  let_blocks_migrate();
  Scheduler loop;
  loop.set_debug(true);
  const std::string refused =
      "RuntimeError: Non-thread-safe operation invoked on an event loop other than the current one";
  loop.call_soon([&] {
    std::thread([&] {
      EXPECT_EQ(thrown_by([&] { loop.call_soon([] {}); }), refused);
      EXPECT_EQ(thrown_by([&] { loop.call_later(Nanoseconds(1), [] {}); }), refused);
      EXPECT_EQ(thrown_by([&] { loop.call_at(Nanoseconds(1), [] {}); }), refused);
      EXPECT_EQ(thrown_by([&] { loop.call_soon_threadsafe([] {}); }), "nothing");
    }).join();
    EXPECT_EQ(thrown_by([&] { loop.call_soon([] {}); }), "nothing");
  });
  turn(loop);
  // One that does not run belongs to nobody.
  std::thread([&] { EXPECT_EQ(thrown_by([&] { loop.call_soon([] {}); }), "nothing"); }).join();
}

}  // namespace
}  // namespace asyncio::test
