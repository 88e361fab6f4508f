"""Tasks and cancelling: rules 2.14 to 2.18."""

import asyncio

from .common import (attempt, cleans_up, fails, for_ever, logs_outcome, outcome, scenario,
                     since, sleeper, spawn, stubborn, turns, value)


@scenario
async def tasks_begin_in_the_next_pass_in_order(log):
    tasks = [spawn(sleeper(log, name, 1)) for name in "abc"]
    log.loop.call_soon(log, "soon")
    log("created")
    for task in tasks:
        log(await outcome(task))


@scenario
async def a_task_settles_its_callbacks_a_pass_later(log):
    task = spawn(value(3))
    task.add_done_callback(lambda t: log(f"callback {t.result()}"))
    log(f"awaited {await outcome(task)}")
    failing = spawn(fails("x"))
    failing.add_done_callback(lambda t: log(f"callback {attempt(t.result)}"))
    log(f"awaited {await outcome(failing)}")
    log(f"again {await outcome(failing)}")


@scenario
async def cancelled_before_its_first_step_it_never_runs(log):
    task = spawn(sleeper(log, "never", 1))
    log(f"cancel {task.cancel('early')} done {task.done()}")
    log(await outcome(task))
    log(f"cancelled {task.cancelled()} cancel {task.cancel()}")


@scenario
async def cancelled_while_it_sleeps(log):
    task = spawn(sleeper(log, "a", 10))
    await asyncio.sleep(1)
    log(f"cancel {task.cancel('m')} done {task.done()}")
    log(await outcome(task))
    log(f"cancelling {task.cancelling()}")


@scenario
async def cancelling_goes_through_awaited_tasks(log):
    inner = spawn(sleeper(log, "inner", 10))
    middle = spawn(logs_outcome(log, "middle", inner))
    outer = spawn(logs_outcome(log, "outer", middle))
    await turns(2)
    outer.cancel("m")
    log("cancelled")
    await turns(5)
    log(f"{inner.cancelling()} {middle.cancelling()} {outer.cancelling()} {inner.cancelled()}")


@scenario
async def cancelling_oneself_strikes_at_the_next_await(log):
    async def body():
        log(f"cancel {asyncio.current_task().cancel('m')}")
        log(f"ready {await outcome(value(1))}")
        log(f"sleep {await outcome(asyncio.sleep(0))}")
        log(f"again {await outcome(asyncio.sleep(0))}")

    log(await outcome(spawn(body())))


@scenario
async def cancelling_oneself_and_then_the_end(log):
    async def returns():
        asyncio.current_task().cancel("m")
        return 1

    async def raises():
        asyncio.current_task().cancel()
        raise ValueError("x")

    log(await outcome(spawn(returns())))
    log(await outcome(spawn(raises())))


@scenario
async def two_requests_before_a_step_are_delivered_as_one(log):
    async def body():
        log(f"first {await outcome(asyncio.sleep(10))}")
        log(f"second {await outcome(asyncio.sleep(1))}")
        return asyncio.current_task().cancelling()

    task = spawn(body())
    await turns(1)
    task.cancel("one")
    task.cancel("two")
    log(await outcome(task))


@scenario
async def a_task_may_refuse(log):
    task = spawn(stubborn(log, "s", 2))
    await turns(1)
    task.cancel()
    log(f"{await outcome(task)} cancelled {task.cancelled()} cancelling {task.cancelling()}")


@scenario
async def cancelled_again_during_its_cleanup(log):
    task = spawn(cleans_up(log, "c", 5))
    await turns(1)
    task.cancel("first")
    await asyncio.sleep(1)
    task.cancel("second")
    log(await outcome(task))


@scenario
async def uncancel_counts_down_to_zero(log):
    async def body():
        me = asyncio.current_task()
        log(f"first {await outcome(asyncio.sleep(10))}")
        log(f"{me.cancelling()} {me.uncancel()} {me.uncancel()} {me.uncancel()}")
        await asyncio.sleep(1)
        return "alive"

    task = spawn(body())
    await turns(1)
    task.cancel()
    task.cancel()
    log(await outcome(task))


@scenario
async def uncancel_to_zero_withdraws_what_was_not_delivered(log):
    async def body():
        me = asyncio.current_task()
        me.cancel()
        me.cancel()
        log(f"{me.uncancel()} {me.uncancel()}")
        log(f"sleep {await outcome(asyncio.sleep(0))}")
        me.cancel()
        me.cancel()
        log(f"{me.uncancel()}")
        log(f"sleep {await outcome(asyncio.sleep(0))}")

    log(await outcome(spawn(body())))


@scenario
async def a_cancelled_error_raised_by_hand_cancels_the_task(log):
    async def body():
        raise asyncio.CancelledError("by hand")

    task = spawn(body())
    log(await outcome(task))
    log(f"cancelled {task.cancelled()} cancelling {task.cancelling()}")


@scenario
async def a_cancelled_task_is_an_error_for_who_awaits_it(log):
    inner = spawn(for_ever())

    async def body():
        log(f"awaited {await outcome(inner)}")
        await asyncio.sleep(1)
        return asyncio.current_task().cancelling()

    outer = spawn(body())
    await turns(2)
    inner.cancel("m")
    log(await outcome(outer))


@scenario
async def tasks_have_names_and_are_listed(log):
    asyncio.current_task().set_name("main")
    task = asyncio.create_task(for_ever(), name="sleeper")
    log(f"{asyncio.current_task().get_name()} {task.get_name()}")
    log(" ".join(sorted(t.get_name() for t in asyncio.all_tasks())))
    task.cancel()
    log(await outcome(task))
    log(" ".join(sorted(t.get_name() for t in asyncio.all_tasks())))


def eager(coroutine):
    return asyncio.Task(coroutine, loop=asyncio.get_running_loop(), eager_start=True)


@since(3, 12)
async def an_eager_task_runs_to_its_first_wait(log):
    async def body():
        log(f"in {asyncio.current_task().get_name()}")
        await asyncio.sleep(0)
        log("out")
        return 1

    asyncio.current_task().set_name("main")
    task = asyncio.Task(body(), loop=log.loop, eager_start=True, name="eager")
    log(f"back in {asyncio.current_task().get_name()} done {task.done()}")
    log(await outcome(task))
    done = eager(value(2))
    log(f"done {done.done()} {await outcome(done)}")
    failed = eager(fails("x"))
    log(f"done {failed.done()} {await outcome(failed)}")
