// Queues: scenarios/queues.py.
#include "conformance/common.hpp"

namespace asyncio::conformance {

namespace {

template <class Q>
Coro<typename Q::value_type> got(Q& queue) {
  return queue.get();
}
template <class Q>
Coro<> put(Q& queue, int item) {
  return queue.put(item);
}
template <class Q>
Coro<> joined(Q& queue) {
  return queue.join();
}

}  // namespace

SCENARIO(getters_are_served_in_order) {
  Queue<int> queue;
  for (const char* name : {"a", "b", "c"}) (void)create_task(logs_outcome(log, name, got(queue)));
  co_await turns(1);
  for (int item = 0; item < 3; ++item) queue.put_nowait(item);
  log("size " + show(queue.qsize()));
  co_await turns(2);
  log("size " + show(queue.qsize()));
}

SCENARIO(a_full_queue_makes_putters_wait) {
  Queue<int> queue(1);
  for (int item = 0; item < 3; ++item) {
    (void)create_task(logs_outcome(log, "put " + std::to_string(item), put(queue, item)));
  }
  co_await turns(2);
  log("full " + show(queue.full()));
  for (int i = 0; i < 3; ++i) {
    const std::string text = co_await outcome(got(queue));
    log("got " + text);
  }
  co_await turns(2);
  log("empty " + show(queue.empty()));
}

SCENARIO(who_comes_in_between_may_take_the_item) {
  Queue<int> queue;
  (void)create_task(logs_outcome(log, "first", got(queue)));
  co_await turns(1);
  queue.put_nowait(1);
  log("between " + show(queue.get_nowait()));
  co_await turns(2);
  queue.put_nowait(2);
  co_await turns(2);
}

// CPython: test_queues::QueueGetTests::test_get_cancelled_race
// Rule 2.43
SCENARIO(a_woken_getter_that_is_cancelled_wakes_the_next) {
  Queue<std::string> queue;
  auto first = create_task(logs_outcome(log, "first", got(queue)));
  (void)create_task(logs_outcome(log, "second", got(queue)));
  co_await turns(1);
  queue.put_nowait("item");
  first.cancel("m");
  co_await turns(3);
  log("size " + show(queue.qsize()));
}

// CPython: test_queues::QueuePutTests::test_put_cancelled_race
SCENARIO(a_woken_putter_that_is_cancelled_wakes_the_next) {
  Queue<int> queue(1);
  queue.put_nowait(0);
  auto first = create_task(logs_outcome(log, "first", put(queue, 1)));
  (void)create_task(logs_outcome(log, "second", put(queue, 2)));
  co_await turns(1);
  log("got " + show(queue.get_nowait()));
  first.cancel();
  co_await turns(3);
  log("got " + show(queue.get_nowait()));
}

SCENARIO(join_waits_until_all_is_done) {
  Queue<int> queue;
  for (int item = 0; item < 2; ++item) queue.put_nowait(item);
  (void)create_task(logs_outcome(log, "join", joined(queue)));
  co_await turns(1);
  for (int i = 0; i < 2; ++i) {
    queue.get_nowait();
    queue.task_done();
    log("done");
    co_await turns(1);
  }
  log(attempt([&] { queue.task_done(); }));
  co_await turns(1);
}

SCENARIO(queues_without_waiting) {
  Queue<int> queue(1);
  log(attempt([&] { return queue.get_nowait(); }));
  log(attempt([&] { queue.put_nowait(1); }));
  log(attempt([&] { queue.put_nowait(2); }));
  log(std::to_string(queue.maxsize()) + " " + show(queue.qsize()) + " " + show(queue.full()));
  co_return;
}

SCENARIO(a_stack_and_a_heap) {
  LifoQueue<int> stack;
  PriorityQueue<int> heap;
  for (const int item : {3, 1, 2}) {
    stack.put_nowait(item);
    heap.put_nowait(item);
  }
  std::string text;
  for (int i = 0; i < 3; ++i) {
    const int item = co_await stack.get();
    text += (i > 0 ? " " : "") + std::to_string(item);
  }
  log(text);
  text.clear();
  for (int i = 0; i < 3; ++i) {
    const int item = co_await heap.get();
    text += (i > 0 ? " " : "") + std::to_string(item);
  }
  log(text);
}

// CPython: test_queues::_QueueShutdownTestMixin::test_shutdown_nonempty
// Rule 2.44
SCENARIO(a_queue_that_shuts_down_is_drained) {
  Queue<int> queue(1);
  queue.put_nowait(1);
  (void)create_task(logs_outcome(log, "putter", put(queue, 2)));
  (void)create_task(logs_outcome(log, "join", joined(queue)));
  co_await turns(1);
  queue.shutdown();
  log(attempt([&] { queue.put_nowait(3); }));
  const std::string text = co_await outcome(got(queue));
  log("got " + text);
  log(co_await outcome(got(queue)));
  co_await turns(2);
  queue.task_done();
  co_await turns(2);
}

// CPython: test_queues::_QueueShutdownTestMixin::test_shutdown_immediate
SCENARIO(a_queue_that_shuts_down_at_once_is_emptied) {
  Queue<int> queue;
  queue.put_nowait(1);
  queue.put_nowait(2);
  (void)create_task(logs_outcome(log, "join", joined(queue)));
  co_await turns(1);
  queue.shutdown(true);
  log("size " + show(queue.qsize()) + " " + attempt([&] { return queue.get_nowait(); }));
  Queue<int> other;
  (void)create_task(logs_outcome(log, "getter", got(other)));
  co_await turns(2);
  other.shutdown();
  co_await turns(2);
}

}  // namespace asyncio::conformance
