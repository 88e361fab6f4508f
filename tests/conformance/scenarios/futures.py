"""Futures and their callbacks: rules 2.11 to 2.17."""

import asyncio

from .common import attempt, logs_outcome, outcome, scenario, spawn, turns


@scenario
async def callbacks_of_a_future_run_in_order_of_registration(log):
    future = log.loop.create_future()
    future.add_done_callback(lambda f: log(f"first {f.result()}"))
    future.add_done_callback(lambda _: log("second"))
    log.loop.call_soon(log, "soon before")
    future.set_result(5)
    log.loop.call_soon(log, "soon after")
    future.add_done_callback(lambda _: log("late"))
    log("set")
    await turns(2)


@scenario
async def a_callback_that_is_removed_does_not_run(log):
    future = log.loop.create_future()

    def never(_):
        log("never")

    future.add_done_callback(never)
    future.add_done_callback(lambda _: log("stays"))
    log(f"removed {future.remove_done_callback(never)}")
    log(f"removed {future.remove_done_callback(never)}")
    future.set_result(None)
    await turns(2)


@scenario
async def a_future_settles_once(log):
    future = log.loop.create_future()
    log(attempt(future.result))
    log(attempt(future.exception))
    future.set_exception(ValueError("x"))
    log(attempt(lambda: future.set_result(1)))
    log(attempt(lambda: future.cancel()))
    log(attempt(future.result))
    log(f"done {future.done()} cancelled {future.cancelled()}")


@scenario
async def a_cancelled_future_has_its_message(log):
    future = log.loop.create_future()
    future.add_done_callback(lambda f: log(f"callback {f.cancelled()}"))
    log(f"cancel {future.cancel('why')} {future.cancel('again')}")
    log(await outcome(future))
    log(attempt(lambda: future.set_result(1)))
    await turns(1)


@scenario
async def waiters_of_a_future_wake_in_order(log):
    future = log.loop.create_future()
    for name in ("a", "b", "c"):
        spawn(logs_outcome(log, name, future))
    await turns(1)
    future.set_result(7)
    log("set")
    await turns(2)


@scenario
async def two_waiters_of_a_future_share_their_fate(log):
    future = log.loop.create_future()
    first = spawn(logs_outcome(log, "first", future))
    spawn(logs_outcome(log, "second", future))
    await turns(1)
    log(f"cancel {first.cancel('m')} {future.cancelled()}")
    await turns(2)


@scenario
async def cancel_beats_a_result_that_was_not_delivered(log):
    future = log.loop.create_future()
    task = spawn(logs_outcome(log, "task", future))
    await turns(1)
    future.set_result(1)
    log(f"cancel {task.cancel()}")
    await turns(2)
    log(f"{task.cancelling()} {task.done()}")
