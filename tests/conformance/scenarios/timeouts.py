"""timeout and wait_for: rules 2.25, 2.26, 2.28, 2.29."""

import asyncio

from contract import TaskGroup, timeout, timeout_at, wait_for

from .common import (attempt, cleans_up, fails_after, fails_when_cancelled, for_ever, logs_outcome,
                     outcome, scenario, sleeper, spawn, stubborn, turns, value)


async def limited(log, name, delay, awaitable):
    """The await in a timeout, and what the timeout says afterwards."""
    scope = timeout(delay)
    try:
        async with scope:
            return await awaitable
    finally:
        log(f"{name} expired {scope.expired()} count {asyncio.current_task().cancelling()}")


@scenario
async def a_timeout_that_fires_and_one_that_does_not(log):
    log(await outcome(limited(log, "a", 2, sleeper(log, "a", 1))))
    log(await outcome(limited(log, "b", 1, sleeper(log, "b", 2))))
    log(await outcome(limited(log, "c", None, sleeper(log, "c", 2))))
    log(await outcome(limited(log, "d", -1, sleeper(log, "d", 2))))


@scenario
async def nested_timeouts_the_inner_fires(log):
    log(await outcome(limited(log, "outer", 3, limited(log, "inner", 1, sleeper(log, "a", 5)))))


@scenario
async def nested_timeouts_the_outer_fires(log):
    log(await outcome(limited(log, "outer", 1, limited(log, "inner", 3, sleeper(log, "a", 5)))))


@scenario
async def nested_timeouts_fire_together(log):
    log(await outcome(limited(log, "outer", 1, limited(log, "inner", 1, sleeper(log, "a", 5)))))


@scenario
async def a_timeout_whose_block_swallows_the_cancellation(log):
    log(await outcome(limited(log, "a", 1, stubborn(log, "a", 2))))


@scenario
async def a_timeout_whose_block_takes_its_time_to_clean_up(log):
    log(await outcome(limited(log, "a", 1, cleans_up(log, "a", 2))))


@scenario
async def another_exception_leaves_a_timeout(log):
    log(await outcome(limited(log, "a", 1, fails_when_cancelled(log, "a"))))
    log(await outcome(limited(log, "b", 2, fails_after(log, "b", 1))))


@scenario
async def cancelled_from_outside_in_a_timeout(log):
    task = spawn(logs_outcome(log, "task", limited(log, "a", 5, for_ever())))
    await asyncio.sleep(1)
    task.cancel("m")
    log(await outcome(task))


@scenario
async def timeout_and_outside_cancellation_in_one_pass(log):
    first = spawn(logs_outcome(log, "cancel first", limited(log, "a", 1, for_ever())))
    log.loop.call_later(1, first.cancel, "m")
    await turns(2)
    second = spawn(logs_outcome(log, "timeout first", limited(log, "b", 1, for_ever())))
    await turns(2)
    log.loop.call_later(1, second.cancel, "m")
    await asyncio.sleep(3)


@scenario
async def a_timeout_can_be_rescheduled(log):
    async def body():
        scope = timeout(1)
        async with scope:
            await asyncio.sleep(0.5)
            scope.reschedule(log.loop.time() + 2)
            log(f"when {scope.when():g}")
            await asyncio.sleep(1)
            scope.reschedule(None)
            await asyncio.sleep(2)
            log(f"late {scope.expired()}")
            scope.reschedule(log.loop.time() - 1)
            await asyncio.sleep(1)

    log(await outcome(body()))


@scenario
async def a_timeout_is_used_once_and_only_inside(log):
    scope = timeout(1)
    log(attempt(lambda: scope.reschedule(2)))

    async def enters():
        async with scope:
            pass

    log(await outcome(enters()))
    log(await outcome(enters()))
    log(attempt(lambda: scope.reschedule(2)))


@scenario
async def a_timeout_at_a_point_in_time(log):
    async def body(when):
        async with timeout_at(when):
            await asyncio.sleep(5)

    log(await outcome(body(log.loop.time() + 1)))
    log(await outcome(body(log.loop.time() - 1)))


@scenario
async def a_timeout_around_a_task_group(log):
    async def body():
        async with timeout(1):
            async with TaskGroup() as group:
                group.create_task(cleans_up(log, "a", 2))
                group.create_task(sleeper(log, "b", 3))

    log(await outcome(body()))


@scenario
async def wait_for_in_time_and_too_late(log):
    log(await outcome(wait_for(sleeper(log, "a", 1), 2)))
    log(await outcome(wait_for(sleeper(log, "b", 2), 1)))
    log(await outcome(wait_for(spawn(sleeper(log, "c", 2)), 1)))
    log(await outcome(wait_for(fails_after(log, "d", 1), 2)))


@scenario
async def wait_for_waits_for_the_cleanup(log):
    log(await outcome(wait_for(cleans_up(log, "a", 3), 1)))
    log(await outcome(wait_for(spawn(cleans_up(log, "b", 3)), 1)))


@scenario
async def wait_for_what_suppresses_the_cancellation(log):
    log(await outcome(wait_for(stubborn(log, "a", 1), 1)))
    log(await outcome(wait_for(spawn(stubborn(log, "b", 1)), 1)))
    log(await outcome(wait_for(fails_when_cancelled(log, "c"), 1)))


@scenario
async def wait_for_with_no_time_left(log):
    log(await outcome(wait_for(sleeper(log, "never", 1), 0)))
    done = spawn(value(4))
    await turns(2)
    log(await outcome(wait_for(done, 0)))
    running = spawn(sleeper(log, "running", 5))
    await turns(1)
    log(await outcome(wait_for(running, 0)))
    refusing = spawn(stubborn(log, "refusing", 1))
    await turns(1)
    log(await outcome(wait_for(refusing, -1)))


@scenario
async def a_cancelled_wait_for_cancels_what_it_waits_for(log):
    inner = spawn(cleans_up(log, "inner", 1))
    task = spawn(logs_outcome(log, "task", wait_for(inner, 10)))
    await asyncio.sleep(1)
    task.cancel("m")
    log(await outcome(task))
    log(f"{inner.cancelled()} {task.cancelling()}")


@scenario
async def wait_for_a_result_that_comes_with_the_timeout(log):
    future = log.loop.create_future()
    log.loop.call_later(1, future.set_result, "just in time")
    log(await outcome(wait_for(future, 1)))
    other = log.loop.create_future()
    task = spawn(logs_outcome(log, "task", wait_for(other, 1)))
    await turns(1)
    log.loop.call_later(1, other.set_result, "too late")
    await turns(1)
    log(await outcome(task))


@scenario
async def wait_for_a_shield(log):
    inner = spawn(sleeper(log, "inner", 2))
    log(await outcome(wait_for(asyncio.shield(inner), 1)))
    log(await outcome(inner))
