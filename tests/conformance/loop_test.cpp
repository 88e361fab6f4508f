// Callbacks, timers, stop: scenarios/loop.py.
#include "conformance/common.hpp"

namespace asyncio::conformance {

// CPython: test_base_events::BaseEventLoopTests::test_run_once
// Rule 2.1
SCENARIO(call_soon_is_one_pass_deep) {
  EventLoop& loop = log.loop();
  const auto second_child = [&log, &loop] {
    log("second child");
    loop.call_soon([&log] { log("grandchild"); });
  };
  loop.call_soon([&log, &loop, second_child] {
    log("first");
    loop.call_soon([&log] { log("child of first"); });
    loop.call_soon(second_child);
  });
  loop.call_soon([&log] { log("second"); });
  co_await turns(4);
  log("end");
}

SCENARIO(call_soon_skips_cancelled_handles) {
  EventLoop& loop = log.loop();
  Handle late = loop.call_soon([&log] { log("never"); });
  Handle third;
  loop.call_soon([&log, &third] {
    log("cancels");
    third.cancel();
  });
  third = loop.call_soon([&log] { log("never either"); });
  loop.call_soon([&log] { log("last"); });
  late.cancel();
  log("cancelled " + show(late.cancelled()) + " " + show(third.cancelled()));
  co_await turns(1);
  log("cancelled " + show(late.cancelled()) + " " + show(third.cancelled()));
}

SCENARIO(timers_run_in_order_of_time) {
  EventLoop& loop = log.loop();
  loop.call_later(3s, [&log] { log("three"); });
  loop.call_later(1s, [&log] { log("one"); });
  loop.call_at(loop.time() + 2s, [&log] { log("two"); });
  TimerHandle gone = loop.call_later(1.5s, [&log] { log("never"); });
  const auto tenths = (gone.when() - loop.time()) / 100ms;
  log("when " + std::to_string(tenths / 10) + "." + std::to_string(tenths % 10));
  gone.cancel();
  co_await sleep(4s);
  log("end");
}

// Rule 2.4
SCENARIO(timers_of_one_time_run_in_order_of_creation) {
  for (int i = 0; i < 10; ++i) {
    log.loop().call_later(1s, [&log, i] { log("timer " + std::to_string(i)); });
  }
  co_await sleep(2s);
}

// Rule 2.2
SCENARIO(ready_callbacks_beat_timers_that_are_due) {
  EventLoop& loop = log.loop();
  loop.call_soon([&log, &loop] {
    log("first");
    loop.call_later(0s, [&log] { log("timer of 0 s"); });
    loop.call_at(loop.time() - 1s, [&log] { log("past timer"); });
    loop.call_later(-1s, [&log] { log("negative timer"); });
    loop.call_soon([&log] { log("soon"); });
  });
  co_await turns(4);
}

SCENARIO(a_due_timer_and_its_offspring) {
  EventLoop& loop = log.loop();
  loop.call_later(1s, [&log, &loop] {
    log("timer");
    loop.call_later(0s, [&log] { log("its timer"); });
    loop.call_soon([&log] { log("its soon"); });
  });
  co_await sleep(1s);
  log("sleeper");
  co_await turns(3);
}

// Rule 2.6
PLAIN_SCENARIO(stop_finishes_the_pass) {
  auto loop = new_loop(log);
  loop->call_soon([&log, &loop] {
    loop->stop();
    loop->call_soon([&log] { log("late"); });
    log("stops");
  });
  loop->call_soon([&log] { log("same pass"); });
  loop->run_forever();
  log("stopped");
  loop->call_soon([&loop] { loop->stop(); });
  loop->run_forever();
  log("end");
}

// CPython: test_base_events::BaseEventLoopTests::test_run_forever_pre_stopped
PLAIN_SCENARIO(stop_before_the_run_makes_one_pass) {
  auto loop = new_loop(log);
  loop->call_soon([&log, &loop] {
    log("queued");
    loop->call_soon([&log] { log("never"); });
  });
  loop->stop();
  loop->run_forever();
  log("end");
}

PLAIN_SCENARIO(a_stopped_loop_has_no_result) {
  auto loop = new_loop(log);
  loop->call_later(1s, [&loop] { loop->stop(); });
  auto task = loop->create_task(for_ever());
  log(attempt([&] { loop->run_until_complete(task); }));
  task.cancel();
  log(attempt([&] { loop->run_until_complete(task); }));
}

// Rule 2.8
SCENARIO(a_callback_that_fails_is_reported) {
  EventLoop& loop = log.loop();
  loop.set_exception_handler([&log](EventLoop&, const ExceptionContext& context) {
    log("handler " + describe(context.exception));
  });
  const auto broken = [] { throw ValueError("broken"); };
  loop.call_soon(broken);
  loop.call_soon([&log] { log("next"); });
  loop.call_later(1s, broken);
  co_await sleep(2s);
  log("end");
}

// Rule 2.7
SCENARIO(loops_do_not_nest) {
  log(attempt([&] { log.loop().run_forever(); }));
  log(attempt([&] { log.loop().close(); }));
  log("running " + show(log.loop().is_running()) + " closed " + show(log.loop().is_closed()));
  co_return;
}

PLAIN_SCENARIO(a_closed_loop_refuses) {
  auto loop = new_loop(log);
  log(show(loop->run_until_complete(value(5))));
  loop->close();
  log("running " + show(loop->is_running()) + " closed " + show(loop->is_closed()));
  log(attempt([&] { loop->call_soon([] {}); }));
  log(attempt([&] { loop->run_forever(); }));
  loop->close();
}

SCENARIO(a_callback_runs_in_no_task) {
  log.loop().call_soon([&log] { log("task " + show(static_cast<bool>(current_task()))); });
  co_await turns(1);
  log("task " + show(static_cast<bool>(current_task())));
}

}  // namespace asyncio::conformance
