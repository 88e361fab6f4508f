// Futures and their callbacks: scenarios/futures.py.
#include "conformance/common.hpp"

namespace asyncio::conformance {

// CPython: test_futures::BaseFutureDoneCallbackTests::test_callbacks_invoked_on_set_result
// Rule 2.11
SCENARIO(callbacks_of_a_future_run_in_order_of_registration) {
  Future<int> future = create_future<int>();
  future.add_done_callback(
      [&log, future](AnyFuture) { log("first " + std::to_string(future.result())); });
  future.add_done_callback([&log](AnyFuture) { log("second"); });
  log.loop().call_soon([&log] { log("soon before"); });
  future.set_result(5);
  log.loop().call_soon([&log] { log("soon after"); });
  future.add_done_callback([&log](AnyFuture) { log("late"); });
  log("set");
  co_await turns(2);
}

// CPython: test_futures::BaseFutureDoneCallbackTests::test_remove_done_callback
SCENARIO(a_callback_that_is_removed_does_not_run) {
  Future<> future = create_future();
  const auto never = future.add_done_callback([&log](AnyFuture) { log("never"); });
  future.add_done_callback([&log](AnyFuture) { log("stays"); });
  log("removed " + std::to_string(future.remove_done_callback(never)));
  log("removed " + std::to_string(future.remove_done_callback(never)));
  future.set_result();
  co_await turns(2);
}

SCENARIO(a_future_settles_once) {
  Future<int> future = create_future<int>();
  log(attempt([&] { return future.result(); }));
  log(attempt([&] { return future.exception(); }));
  future.set_exception(ValueError("x"));
  log(attempt([&] { future.set_result(1); }));
  log(attempt([&] { return future.cancel(); }));
  log(attempt([&] { return future.result(); }));
  log("done " + show(future.done()) + " cancelled " + show(future.cancelled()));
  co_return;
}

SCENARIO(a_cancelled_future_has_its_message) {
  Future<int> future = create_future<int>();
  future.add_done_callback([&log](AnyFuture f) { log("callback " + show(f.cancelled())); });
  const bool first = future.cancel("why");
  log("cancel " + show(first) + " " + show(future.cancel("again")));
  log(co_await outcome(future));
  log(attempt([&] { future.set_result(1); }));
  co_await turns(1);
}

SCENARIO(waiters_of_a_future_wake_in_order) {
  Future<int> future = create_future<int>();
  for (const char* name : {"a", "b", "c"}) (void)create_task(logs_outcome(log, name, future));
  co_await turns(1);
  future.set_result(7);
  log("set");
  co_await turns(2);
}

// Rule 2.16
SCENARIO(two_waiters_of_a_future_share_their_fate) {
  Future<int> future = create_future<int>();
  auto first = create_task(logs_outcome(log, "first", future));
  (void)create_task(logs_outcome(log, "second", future));
  co_await turns(1);
  const bool asked = first.cancel("m");
  log("cancel " + show(asked) + " " + show(future.cancelled()));
  co_await turns(2);
}

// Rule 2.17
SCENARIO(cancel_beats_a_result_that_was_not_delivered) {
  Future<int> future = create_future<int>();
  auto task = create_task(logs_outcome(log, "task", future));
  co_await turns(1);
  future.set_result(1);
  log("cancel " + show(task.cancel()));
  co_await turns(2);
  log(show(task.cancelling()) + " " + show(task.done()));
}

}  // namespace asyncio::conformance
