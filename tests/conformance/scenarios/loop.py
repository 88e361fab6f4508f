"""Callbacks, timers, stop: rules 2.1 to 2.8."""

import asyncio

from .common import attempt, describe, for_ever, new_loop, scenario, turns, value


@scenario
async def call_soon_is_one_pass_deep(log):
    loop = log.loop

    def first():
        log("first")
        loop.call_soon(lambda: log("child of first"))
        loop.call_soon(second_child)

    def second_child():
        log("second child")
        loop.call_soon(log, "grandchild")

    loop.call_soon(first)
    loop.call_soon(log, "second")
    await turns(4)
    log("end")


@scenario
async def call_soon_skips_cancelled_handles(log):
    loop = log.loop
    late = loop.call_soon(log, "never")
    loop.call_soon(lambda: (log("cancels"), third.cancel()))
    third = loop.call_soon(log, "never either")
    loop.call_soon(log, "last")
    late.cancel()
    log(f"cancelled {late.cancelled()} {third.cancelled()}")
    await turns(1)
    log(f"cancelled {late.cancelled()} {third.cancelled()}")


@scenario
async def timers_run_in_order_of_time(log):
    loop = log.loop
    loop.call_later(3, log, "three")
    loop.call_later(1, log, "one")
    loop.call_at(loop.time() + 2, log, "two")
    gone = loop.call_later(1.5, log, "never")
    log(f"when {gone.when() - loop.time():g}")
    gone.cancel()
    await asyncio.sleep(4)
    log("end")


@scenario
async def timers_of_one_time_run_in_order_of_creation(log):
    for i in range(10):
        log.loop.call_later(1, log, f"timer {i}")
    await asyncio.sleep(2)


@scenario
async def ready_callbacks_beat_timers_that_are_due(log):
    loop = log.loop

    def first():
        log("first")
        loop.call_later(0, log, "timer of 0 s")
        loop.call_at(loop.time() - 1, log, "past timer")
        loop.call_later(-1, log, "negative timer")
        loop.call_soon(log, "soon")

    loop.call_soon(first)
    await turns(4)


@scenario
async def a_due_timer_and_its_offspring(log):
    loop = log.loop
    loop.call_later(1, lambda: (log("timer"), loop.call_later(0, log, "its timer"),
                                loop.call_soon(log, "its soon")))
    await asyncio.sleep(1)
    log("sleeper")
    await turns(3)


@scenario
def stop_finishes_the_pass(log):
    loop = new_loop(log)

    def stops():
        loop.stop()
        loop.call_soon(log, "late")
        log("stops")

    loop.call_soon(stops)
    loop.call_soon(log, "same pass")
    loop.run_forever()
    log("stopped")
    loop.call_soon(loop.stop)
    loop.run_forever()
    log("end")
    loop.close()


@scenario
def stop_before_the_run_makes_one_pass(log):
    loop = new_loop(log)
    loop.call_soon(lambda: (log("queued"), loop.call_soon(log, "never")))
    loop.stop()
    loop.run_forever()
    log("end")
    loop.close()


@scenario
def a_stopped_loop_has_no_result(log):
    loop = new_loop(log)
    loop.call_later(1, loop.stop)
    task = loop.create_task(for_ever())
    log(attempt(lambda: loop.run_until_complete(task)))
    task.cancel()
    log(attempt(lambda: loop.run_until_complete(task)))
    loop.close()


@scenario
async def a_callback_that_fails_is_reported(log):
    loop = log.loop
    loop.set_exception_handler(lambda _, context: log(f"handler {describe(context['exception'])}"))

    def broken():
        raise ValueError("broken")

    loop.call_soon(broken)
    loop.call_soon(log, "next")
    loop.call_later(1, broken)
    await asyncio.sleep(2)
    log("end")


@scenario
async def loops_do_not_nest(log):
    log(attempt(lambda: log.loop.run_forever()))
    log(attempt(lambda: log.loop.close()))
    log(f"running {log.loop.is_running()} closed {log.loop.is_closed()}")


@scenario
def a_closed_loop_refuses(log):
    loop = new_loop(log)
    log(f"{loop.run_until_complete(value(5))}")
    loop.close()
    log(f"running {loop.is_running()} closed {loop.is_closed()}")
    log(attempt(lambda: loop.call_soon(lambda: None)))
    log(attempt(loop.run_forever))
    loop.close()


@scenario
async def a_callback_runs_in_no_task(log):
    log.loop.call_soon(lambda: log(f"task {asyncio.current_task() is not None}"))
    await turns(1)
    log(f"task {asyncio.current_task() is not None}")
