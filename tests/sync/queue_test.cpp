#include "asyncio/sync/queue.hpp"

#include <memory>
#include <string>

#include "asyncio/sync/event.hpp"
#include "asyncio/sync/lifo_queue.hpp"
#include "asyncio/sync/priority_queue.hpp"
#include "asyncio/task/gather.hpp"
#include "asyncio/task/timeouts.hpp"
#include "sync/primitives.hpp"

namespace asyncio::test {
namespace {

using queue = LoopTest;

Coro<> produce(Queue<int>& queue, int count) {
  for (int i = 0; i < count; ++i) co_await queue.put(i);
}
Coro<Numbers> consume(Queue<int>& queue, int count) {
  Numbers items;
  for (int i = 0; i < count; ++i) {
    const int item = co_await queue.get();
    items.push_back(item);
  }
  co_return items;
}

// --- state --------------------------------------------------------------------------------------

// CPython: test_queues::QueueBasicTests::test_repr
// CPython: test_queues::QueueBasicTests::test_str
// CPython: test_queues::_QueueJoinTestMixin::test_format
TEST_F(queue, shows_what_it_holds_and_who_waits) {
  run([]() -> Coro<> {
    Queue<int> numbers;
    EXPECT_EQ(numbers.repr(), "<asyncio.Queue maxsize=0>");
    Task<int> getter = create_task(numbers.get());
    co_await one_turn();
    EXPECT_EQ(numbers.repr(), "<asyncio.Queue maxsize=0 _getters[1]>");
    numbers.put_nowait(0);
    const int got = co_await getter;
    EXPECT_EQ(got, 0);

    Queue<std::string> texts(1);
    texts.put_nowait("a");
    Task<> putter = create_task(texts.put("b"));
    co_await one_turn();
    EXPECT_EQ(texts.repr(), "<asyncio.Queue maxsize=1 _queue=['a'] _putters[1] tasks=1>");
    texts.get_nowait();
    co_await putter;

    LifoQueue<bool> flags;
    flags.put_nowait(true);
    EXPECT_EQ(flags.repr(), "<asyncio.LifoQueue maxsize=0 _queue=[True] tasks=1>");
    PriorityQueue<int> sorted;
    sorted.put_nowait(3);
    sorted.put_nowait(1);
    EXPECT_EQ(sorted.repr(), "<asyncio.PriorityQueue maxsize=0 _queue=[1, 3] tasks=2>");
    sorted.shutdown();
    EXPECT_EQ(sorted.repr(), "<asyncio.PriorityQueue maxsize=0 _queue=[1, 3] tasks=2 shutdown>");
  });
}

// CPython: test_queues::QueueBasicTests::test_empty
// CPython: test_queues::QueueBasicTests::test_full
TEST_F(queue, knows_whether_it_is_empty_or_full) {
  run([]() -> Coro<> {
    Queue<int> any;
    EXPECT_TRUE(any.empty());
    co_await any.put(1);
    EXPECT_FALSE(any.empty() || any.full());
    const int item = co_await any.get();
    EXPECT_EQ(item, 1);
    EXPECT_TRUE(any.empty());
    Queue<int> one(1);
    co_await one.put(1);
    EXPECT_TRUE(one.full());
    EXPECT_EQ(one.qsize(), 1U);
    EXPECT_EQ(one.maxsize(), 1);
    EXPECT_FALSE(Queue<int>(-1).full());
  });
}

// CPython: test_queues::QueueBasicTests::test_order
// CPython: test_queues::LifoQueueTests::test_order
// CPython: test_queues::PriorityQueueTests::test_order
TEST_F(queue, gives_items_in_its_order) {
  const auto through = [](auto& queue) -> Coro<Numbers> {
    for (const int item : {1, 3, 2}) co_await queue.put(item);
    Numbers items;
    for (int i = 0; i < 3; ++i) {
      const int item = co_await queue.get();
      items.push_back(item);
    }
    co_return items;
  };
  Queue<int> fifo;
  EXPECT_EQ(run(through(fifo)), (Numbers{1, 3, 2}));
  LifoQueue<int> lifo;
  EXPECT_EQ(run(through(lifo)), (Numbers{2, 3, 1}));
  PriorityQueue<int> smallest;
  EXPECT_EQ(run(through(smallest)), (Numbers{1, 2, 3}));
  PriorityQueue<int, std::greater<>> largest;
  EXPECT_EQ(run(through(largest)), (Numbers{3, 2, 1}));
}

// CPython: test_queues::QueueBasicTests::test_maxsize
TEST_F(queue, makes_producers_wait_when_it_is_full) {
  run([]() -> Coro<> {
    Queue<int> queue(2);
    Numbers put;
    const auto putter = [&]() -> Coro<> {
      for (int i = 0; i < 3; ++i) {
        co_await queue.put(i);
        put.push_back(i);
      }
    };
    Task<> task = create_task(putter);
    co_await give_turns(2);
    EXPECT_EQ(put, (Numbers{0, 1}));
    int item = co_await queue.get();
    EXPECT_EQ(item, 0);
    co_await one_turn();
    EXPECT_EQ(put, (Numbers{0, 1, 2}));
    item = co_await queue.get();
    EXPECT_EQ(item, 1);
    item = co_await queue.get();
    EXPECT_EQ(item, 2);
    EXPECT_TRUE(task.done());
  });
}

// Rule 2.12
TEST_F(queue, takes_no_turn_with_an_item_or_room_and_two_when_a_new_task_serves_it) {
  Queue<int> queue;
  EXPECT_EQ(passes([&] { return queue.put(1); }), 0U);
  EXPECT_EQ(passes([&] { return queue.get(); }), 0U);
  const auto taken = run([](Scheduler& scheduler) -> Coro<std::uint64_t> {
    Queue<int> empty;
    const auto before = scheduler.turns();
    Task<> task = create_task(empty.put(1));
    co_await empty.get();
    co_return scheduler.turns() - before;
  }(scheduler()));
  EXPECT_EQ(taken, 2U);
}

// --- get ----------------------------------------------------------------------------------------

// CPython: test_queues::QueueGetTests::test_nonblocking_get
// CPython: test_queues::QueueGetTests::test_nonblocking_get_exception
// CPython: test_queues::QueuePutTests::test_nonblocking_put
// CPython: test_queues::QueuePutTests::test_nonblocking_put_exception
TEST_F(queue, can_be_used_without_waiting) {
  Queue<int> queue(1);
  queue.put_nowait(1);
  EXPECT_EQ(thrown_by([&] {
              queue.put_nowait(2);
              return 0;
            }),
            "QueueFull");
  EXPECT_EQ(queue.get_nowait(), 1);
  EXPECT_EQ(thrown_by([&] { return queue.get_nowait(); }), "QueueEmpty");
}

// CPython: test_queues::QueueGetTests::test_blocking_get
// CPython: test_queues::QueueGetTests::test_get_with_putters
TEST_F(queue, a_get_wakes_a_putter) {
  run([]() -> Coro<> {
    Queue<int> queue(1);
    co_await queue.put(1);
    Task<> putter = create_task(queue.put(2));
    co_await one_turn();
    const int item = co_await queue.get();
    EXPECT_EQ(item, 1);
    EXPECT_TRUE(queue.empty()) << "the putter has not had its turn";
    co_await one_turn();
    EXPECT_TRUE(putter.done());
    EXPECT_TRUE(queue.full());
  });
}

// CPython: test_queues::QueueGetTests::test_blocking_get_wait
TEST_F(queue, get_waits_for_an_item) {
  run([&]() -> Coro<> {
    Queue<int> queue;
    Event started;
    bool finished = false;
    const auto get = [&]() -> Coro<int> {
      started.set();
      const int item = co_await queue.get();
      finished = true;
      co_return item;
    };
    Task<int> getter = create_task(get);
    co_await started.wait();
    EXPECT_FALSE(finished);
    loop().call_later(10ms, [&queue] { queue.put_nowait(1); });
    const int item = co_await getter;
    EXPECT_TRUE(finished);
    EXPECT_EQ(item, 1);
  });
}

// CPython: test_queues::QueueGetTests::test_get_cancelled_race
// Rule 2.43
TEST_F(queue, a_cancelled_getter_does_not_take_the_wake_up_of_the_next) {
  run([]() -> Coro<> {
    Queue<char> queue;
    Task<char> first = create_task(queue.get());
    Task<char> second = create_task(queue.get());
    co_await one_turn();
    first.cancel();
    co_await one_turn();
    EXPECT_TRUE(first.done());
    co_await queue.put('a');
    co_await one_turn();
    EXPECT_TRUE(second.done());
    EXPECT_EQ(second.result(), 'a');
  });
}

// CPython: test_queues::QueueGetTests::test_get_with_waiting_putters
// Rule 2.43
TEST_F(queue, gives_the_items_of_waiting_putters_in_order) {
  run([]() -> Coro<> {
    Queue<char> queue(1);
    Task<> first = create_task(queue.put('a'));
    Task<> second = create_task(queue.put('b'));
    const char a = co_await queue.get();
    const char b = co_await queue.get();
    EXPECT_EQ(a, 'a');
    EXPECT_EQ(b, 'b');
  });
}

// CPython: test_queues::QueueGetTests::test_why_are_getters_waiting
TEST_F(queue, of_one_place_carries_many_items) {
  run([]() -> Coro<> {
    Queue<int> queue(1);
    Task<> producer = create_task(produce(queue, 5));
    const Numbers items = co_await consume(queue, 5);
    EXPECT_EQ(items, (Numbers{0, 1, 2, 3, 4}));
    co_await producer;
  });
}

// CPython: test_queues::QueueGetTests::test_cancelled_getters_not_being_held_in_self_getters
// Rule 2.43
TEST_F(queue, a_getter_that_ran_out_of_time_has_left) {
  run([]() -> Coro<> {
    Queue<int> queue(5);
    auto waiting = asyncio::wait_for(queue.get(), 100ms);
    const std::string failure = co_await failure_of(std::move(waiting));
    EXPECT_EQ(failure, "TimeoutError");
    EXPECT_EQ(queue.repr(), "<asyncio.Queue maxsize=5>");
  });
}

// CPython: test_queues::QueuePutTests::test_get_cancel_drop_one_pending_reader
// Rule 2.43
TEST_F(queue, an_item_is_not_lost_with_the_getter_it_woke) {
  run([]() -> Coro<> {
    Queue<int> queue;
    Task<int> reader = create_task(queue.get());
    co_await one_turn();
    queue.put_nowait(1);
    queue.put_nowait(2);
    reader.cancel();
    const std::string failure = co_await failure_of(reader);
    EXPECT_EQ(failure, "CancelledError");
    const int item = co_await create_task(queue.get());
    EXPECT_EQ(item, 1);
  });
}

// CPython: test_queues::QueuePutTests::test_get_cancel_drop_many_pending_readers
// Rule 2.43
TEST_F(queue, a_woken_getter_that_is_cancelled_wakes_the_next) {
  run([]() -> Coro<> {
    Queue<int> queue;
    Task<int> first = create_task(queue.get());
    Task<int> second = create_task(queue.get());
    Task<int> third = create_task(queue.get());
    co_await one_turn();
    queue.put_nowait(1);
    queue.put_nowait(2);
    first.cancel();
    const std::string failure = co_await failure_of(first);
    EXPECT_EQ(failure, "CancelledError");
    const int third_item = co_await third;
    EXPECT_EQ(second.result() + third_item, 3);
  });
}

// Rule 2.43
TEST_F(queue, a_getter_that_was_overtaken_waits_again_at_the_end) {
  run([]() -> Coro<> {
    Queue<int> queue;
    Task<int> first = create_task(queue.get());
    Task<int> second = create_task(queue.get());
    co_await one_turn();
    queue.put_nowait(1);
    EXPECT_EQ(queue.get_nowait(), 1);
    co_await one_turn();
    EXPECT_FALSE(first.done());
    EXPECT_EQ(queue.repr(), "<asyncio.Queue maxsize=0 _getters[2] tasks=1>");
    queue.put_nowait(2);
    queue.put_nowait(3);
    co_await one_turn();
    EXPECT_EQ(second.result(), 2);
    EXPECT_EQ(first.result(), 3);
  });
}

// --- put ----------------------------------------------------------------------------------------

// CPython: test_queues::QueuePutTests::test_blocking_put
// CPython: test_queues::QueuePutTests::test_blocking_put_wait
TEST_F(queue, put_waits_for_room) {
  run([&]() -> Coro<> {
    Queue<int> queue(1);
    Event started;
    bool finished = false;
    const auto put = [&]() -> Coro<> {
      started.set();
      co_await queue.put(1);
      co_await queue.put(2);
      finished = true;
    };
    loop().call_later(10ms, [&queue] { queue.get_nowait(); });
    Task<> putter = create_task(put);
    co_await started.wait();
    EXPECT_FALSE(finished);
    co_await putter;
    EXPECT_TRUE(finished);
  });
}

// CPython: test_queues::QueuePutTests::test_put_cancel_drop
TEST_F(queue, room_is_not_lost_with_the_putter_it_woke) {
  run([]() -> Coro<> {
    Queue<int> queue(1);
    queue.put_nowait(1);
    Task<> writer = create_task(queue.put(2));
    co_await one_turn();
    EXPECT_EQ(queue.get_nowait(), 1);
    writer.cancel();
    const std::string failure = co_await failure_of(writer);
    EXPECT_EQ(failure, "CancelledError");
    co_await create_task(queue.put(3));
    EXPECT_EQ(queue.get_nowait(), 3);
    EXPECT_EQ(queue.qsize(), 0U);
  });
}

// CPython: test_queues::QueuePutTests::test_put_cancelled
TEST_F(queue, a_get_sees_what_a_task_put_before_it) {
  run([]() -> Coro<> {
    Queue<int> queue;
    Task<> putter = create_task(queue.put(1));
    const int item = co_await queue.get();
    EXPECT_EQ(item, 1);
    EXPECT_TRUE(putter.done());
  });
}

// CPython: test_queues::QueuePutTests::test_put_cancelled_race
// Rule 2.43
TEST_F(queue, a_cancelled_putter_does_not_take_the_room_of_the_next) {
  run([]() -> Coro<> {
    Queue<char> queue(1);
    Task<> a = create_task(queue.put('a'));
    Task<> b = create_task(queue.put('b'));
    Task<> x = create_task(queue.put('X'));
    co_await one_turn();
    EXPECT_TRUE(a.done());
    EXPECT_FALSE(b.done());
    x.cancel();
    co_await one_turn();
    EXPECT_TRUE(x.done());
    EXPECT_EQ(queue.get_nowait(), 'a');
    co_await one_turn();
    EXPECT_EQ(queue.get_nowait(), 'b');
    co_await b;
  });
}

// CPython: test_queues::QueuePutTests::test_put_with_waiting_getters
TEST_F(queue, a_put_wakes_a_getter) {
  run([]() -> Coro<> {
    Queue<char> queue;
    Task<char> getter = create_task(queue.get());
    co_await one_turn();
    co_await queue.put('a');
    const char item = co_await getter;
    EXPECT_EQ(item, 'a');
  });
}

// CPython: test_queues::QueuePutTests::test_why_are_putters_waiting
// Rule 2.43
TEST_F(queue, putters_that_were_woken_at_once_all_find_room) {
  run([]() -> Coro<> {
    Queue<int> queue(2);
    const auto getter = [&]() -> Coro<> {
      co_await one_turn();
      for (std::size_t left = queue.qsize(); left > 0; --left) queue.get_nowait();
    };
    co_await gather(getter(), queue.put(0), queue.put(1), queue.put(2), queue.put(3));
    EXPECT_TRUE(queue.full());
  });
}

// CPython: test_queues::QueuePutTests::test_cancelled_puts_not_being_held_in_self_putters
// CPython: test_queues::QueuePutTests::test_cancelled_put_silence_value_error_exception
TEST_F(queue, a_cancelled_putter_has_left) {
  run([]() -> Coro<> {
    Queue<int> queue(1);
    queue.put_nowait(1);
    Task<> parked = create_task(queue.put(1));
    co_await one_turn();
    EXPECT_EQ(queue.repr(), "<asyncio.Queue maxsize=1 _queue=[1] _putters[1] tasks=1>");
    parked.cancel();
    std::string failure = co_await failure_of(parked);
    EXPECT_EQ(failure, "CancelledError");
    EXPECT_EQ(queue.repr(), "<asyncio.Queue maxsize=1 _queue=[1] tasks=1>");
    Task<> woken = create_task(queue.put(1));
    co_await one_turn();
    queue.get_nowait();
    woken.cancel();
    failure = co_await failure_of(woken);
    EXPECT_EQ(failure, "CancelledError");
    EXPECT_TRUE(queue.empty());
  });
}

// Rule 2.43
TEST_F(queue, a_woken_putter_that_is_cancelled_wakes_the_next) {
  run([]() -> Coro<> {
    Queue<int> queue(1);
    queue.put_nowait(0);
    Task<> first = create_task(queue.put(1));
    Task<> second = create_task(queue.put(2));
    co_await one_turn();
    EXPECT_EQ(queue.get_nowait(), 0);
    first.cancel();
    co_await give_turns(2);
    EXPECT_TRUE(first.cancelled());
    EXPECT_TRUE(second.done());
    EXPECT_EQ(queue.get_nowait(), 2);
  });
}

TEST_F(queue, the_item_of_a_cancelled_put_goes_with_it) {
  Trace trace;
  run([&]() -> Coro<> {
    Queue<Noted> queue(1);
    queue.put_nowait(Noted(trace, "first"));
    Task<> putter = create_task(queue.put(Noted(trace, "second")));
    co_await one_turn();
    putter.cancel();
    co_await one_turn();
    EXPECT_EQ(trace, (Trace{"~second"}));
  });
  EXPECT_EQ(trace, (Trace{"~second", "~first"}));
}

// --- join ---------------------------------------------------------------------------------------

template <class Q>
class queue_join : public LoopTest {};
using AllQueues = ::testing::Types<Queue<int>, LifoQueue<int>, PriorityQueue<int>>;
TYPED_TEST_SUITE(queue_join, AllQueues);

// CPython: test_queues::_QueueJoinTestMixin::test_task_done_underflow
TYPED_TEST(queue_join, task_done_cannot_be_called_more_often_than_put) {
  TypeParam queue;
  EXPECT_EQ(thrown_by([&] {
              queue.task_done();
              return 0;
            }),
            "ValueError: task_done() called too many times");
}

// CPython: test_queues::_QueueJoinTestMixin::test_task_done
TYPED_TEST(queue_join, waits_until_every_item_has_been_dealt_with) {
  this->run([]() -> Coro<> {
    TypeParam queue;
    for (int i = 0; i < 100; ++i) queue.put_nowait(i);
    int sum = 0;
    bool running = true;
    const auto worker = [&]() -> Coro<> {
      while (running) {
        const int item = co_await queue.get();
        sum += item;
        queue.task_done();
      }
    };
    Task<> first = create_task(worker);
    Task<> second = create_task(worker);
    co_await queue.join();
    EXPECT_EQ(sum, 4950);
    running = false;
    queue.put_nowait(0);
    queue.put_nowait(0);
    co_await gather(first, second);
  });
}

// CPython: test_queues::_QueueJoinTestMixin::test_join_empty_queue
TYPED_TEST(queue_join, takes_no_turn_when_nothing_is_unfinished) {
  TypeParam queue;
  EXPECT_EQ(this->passes([&] { return queue.join(); }), 0U);
  EXPECT_EQ(this->passes([&] { return queue.join(); }), 0U);
}

TEST_F(queue, join_can_be_cancelled_and_given_a_deadline) {
  run([]() -> Coro<> {
    Queue<int> queue;
    queue.put_nowait(1);
    auto joining = asyncio::wait_for(queue.join(), 1s);
    const std::string failure = co_await failure_of(std::move(joining));
    EXPECT_EQ(failure, "TimeoutError");
    Task<> join = create_task(queue.join());
    co_await one_turn();
    queue.get_nowait();
    queue.task_done();
    co_await join;
  });
}

// --- items --------------------------------------------------------------------------------------

TEST_F(queue, holds_items_that_can_only_be_moved) {
  run([]() -> Coro<> {
    Queue<std::unique_ptr<int>> numbers(1);
    co_await numbers.put(std::make_unique<int>(1));
    Task<> putter = create_task(numbers.put(std::make_unique<int>(2)));
    Task<std::unique_ptr<int>> getter = create_task(numbers.get());
    std::unique_ptr<int> one = co_await std::move(getter);
    EXPECT_EQ(*one, 1);
    co_await putter;
    std::unique_ptr<int> two = co_await asyncio::wait_for(numbers.get(), 1s);
    EXPECT_EQ(*two, 2);
    EXPECT_EQ(numbers.repr(), "<asyncio.Queue maxsize=1 tasks=2>");
  });
}

// Throws when it is moved, as often as it is told to.
struct Sticky {
  explicit Sticky(int* moves_left) : left(moves_left) {}
  Sticky(Sticky&& other) : left(other.left) {
    if (left != nullptr && *left >= 0 && (*left)-- == 0) throw ValueError("sticky");
  }
  Sticky& operator=(Sticky&&) = delete;
  int* left;
};

TEST_F(queue, an_item_that_cannot_be_moved_stays_and_another_getter_may_try) {
  run([]() -> Coro<> {
    Queue<Sticky> queue;
    Task<Sticky> first = create_task(queue.get());
    Task<Sticky> second = create_task(queue.get());
    co_await one_turn();
    int moves_left = -1;
    queue.put_nowait(Sticky(&moves_left));
    moves_left = 0;
    const std::string failure = co_await failure_of(std::move(first));
    EXPECT_EQ(failure, "ValueError: sticky");
    co_await one_turn();
    EXPECT_TRUE(second.done());
    EXPECT_TRUE(queue.empty());
  });
}

TEST_F(queue, a_priority_queue_takes_equal_items_in_the_order_of_pythons_heap) {
  using Job = std::pair<int, char>;
  struct ByPriority {
    bool operator()(const Job& a, const Job& b) const { return a.first < b.first; }
  };
  PriorityQueue<Job, ByPriority> jobs;
  for (const char name : {'a', 'b', 'c', 'd', 'e', 'f'}) jobs.put_nowait({1, name});
  std::string order;
  while (!jobs.empty()) order += jobs.get_nowait().second;
  EXPECT_EQ(order, "acfebd");
}

TEST_F(queue, a_priority_queue_loses_no_item_to_a_comparison_that_throws) {
  struct Throwing {
    bool* fail;
    bool operator()(int a, int b) const {
      if (*fail) throw ValueError("no order");
      return a < b;
    }
  };
  bool fail = false;
  PriorityQueue<int, Throwing> queue(0, Throwing{&fail});
  for (const int item : {5, 3, 4, 1, 2}) queue.put_nowait(item);
  fail = true;
  EXPECT_EQ(thrown_by([&] { return queue.get_nowait(); }), "ValueError: no order");
  fail = false;
  EXPECT_EQ(queue.qsize(), 5U);
  // Ours: CPython keeps the item, and join() does not wait for it.
  fail = true;
  EXPECT_EQ(thrown_by([&] { queue.put_nowait(0); }), "ValueError: no order");
  fail = false;
  EXPECT_EQ(queue.qsize(), 5U);
  int sum = 0;
  while (!queue.empty()) sum += queue.get_nowait();
  EXPECT_EQ(sum, 15);
}

// An order of one's own: Python's way is to override _init, _put and _get.
class EveryOther {
 public:
  void push(int&& item) { items_.push_back(item); }
  int pop() {
    const auto at = items_.begin() + static_cast<int>(items_.size() > 1);
    const int item = *at;
    items_.erase(at);
    return item;
  }

 private:
  std::vector<int> items_;
};

TEST_F(queue, keeps_its_items_as_one_likes) {
  BasicQueue<int, EveryOther> queue;
  for (int i = 0; i < 4; ++i) queue.put_nowait(i);
  Numbers items;
  while (!queue.empty()) items.push_back(queue.get_nowait());
  EXPECT_EQ(items, (Numbers{1, 2, 3, 0}));
}

// Rule 2.57
TEST_F(queue, belongs_to_the_loop_of_the_first_who_had_to_wait) {
  Queue<int> queue;
  EventLoop other;
  other.run_until_complete([](Queue<int>& of) -> Coro<> {
    Task<> putter = create_task(of.put(1));
    co_await of.get();
  }(queue));
  run([&queue]() -> Coro<> {
    co_await queue.put(1);
    co_await queue.get();
    const std::string failure = co_await failure_of(queue.get());
    EXPECT_EQ(failure,
              "RuntimeError: <asyncio.Queue maxsize=0 tasks=2> is bound to a different event loop");
  });
}

}  // namespace
}  // namespace asyncio::test
