"""TaskGroup: rules 2.30 to 2.38."""

import asyncio

from contract import TaskGroup

from .common import (cleans_up, describe, fails, fails_after,
                     fails_when_cancelled, for_ever, logs_outcome, outcome, scenario, sleeper, spawn,
                     turns)


async def in_group(log, *coroutines, body=None):
    """Runs them in a group; the body waits in its block."""
    async with TaskGroup() as group:
        for coroutine in coroutines:
            group.create_task(coroutine)
        if body is not None:
            log(f"body {await body}")
    log("left")


async def run_group(log, *coroutines, body=None):
    log(await outcome(in_group(log, *coroutines, body=body)))
    log(f"cancelling {asyncio.current_task().cancelling()}")


@scenario
async def a_group_waits_for_its_tasks(log):
    await run_group(log, sleeper(log, "a", 2), sleeper(log, "b", 1))


@scenario
async def a_task_that_fails_cancels_its_group_and_the_body(log):
    await run_group(log, sleeper(log, "a", 5), fails_after(log, "b", 1), sleeper(log, "c", 5),
                    body=sleeper(log, "body", 4))


@scenario
async def a_task_that_fails_while_the_group_ends(log):
    await run_group(log, cleans_up(log, "a", 1), fails_after(log, "b", 1))


@scenario
async def a_body_that_fails_cancels_its_tasks(log):
    await run_group(log, sleeper(log, "a", 5), body=fails_after(log, "body", 1))


@scenario
async def errors_of_the_unwinding_join_the_group(log):
    await run_group(log, fails_when_cancelled(log, "a"), fails_after(log, "b", 1),
                    fails_when_cancelled(log, "c"), body=fails_when_cancelled(log, "body"))


@scenario
async def a_cancelled_task_is_no_failure_of_its_group(log):
    async def body():
        async with TaskGroup() as group:
            task = group.create_task(for_ever())
            group.create_task(sleeper(log, "b", 2))
            await asyncio.sleep(1)
            task.cancel()
        log("left")

    log(await outcome(body()))


@scenario
async def groups_in_groups_fail_together(log):
    inner = in_group(log, fails_after(log, "b", 1), sleeper(log, "c", 3))
    await run_group(log, fails_after(log, "a", 1), body=inner)


@scenario
async def an_inner_group_fails_and_the_outer_hears_of_it(log):
    await run_group(log, in_group(log, fails_after(log, "b", 1), sleeper(log, "c", 3)),
                    sleeper(log, "a", 5))


async def cancelled_at(log, task, *times):
    for time in times:
        await asyncio.sleep(time)
        log(f"cancel {task.cancel('m')}")
    log(await outcome(task))
    log(f"cancelling {task.cancelling()}")


@scenario
async def a_group_cancelled_from_outside_in_its_body(log):
    task = spawn(run_group(log, cleans_up(log, "a", 1), body=sleeper(log, "body", 5)))
    await cancelled_at(log, task, 1)


@scenario
async def a_group_cancelled_from_outside_while_it_ends(log):
    task = spawn(run_group(log, cleans_up(log, "a", 1), cleans_up(log, "b", 2)))
    await cancelled_at(log, task, 1, 0.5, 0.25)


@scenario
async def a_group_cancelled_from_outside_with_errors(log):
    async def body():
        log(await outcome(in_group(log, fails_when_cancelled(log, "a"), cleans_up(log, "b", 1))))
        log(f"cancelling {asyncio.current_task().cancelling()}")
        log(f"next {await outcome(asyncio.sleep(1))}")
        log(f"after {await outcome(asyncio.sleep(1))}")

    await cancelled_at(log, spawn(body()), 1)


@scenario
async def cancelled_in_the_pass_in_which_a_task_fails(log):
    task = spawn(run_group(log, fails_after(log, "a", 1), body=sleeper(log, "body", 5)))
    await turns(2)
    log.loop.call_later(1, task.cancel, "m")
    log(await outcome(task))


@scenario
async def create_task_of_a_group_is_refused(log):
    group = TaskGroup()

    def create(coroutine):
        try:
            group.create_task(coroutine)
            return "created"
        except RuntimeError as error:
            coroutine.close()
            return describe(error)

    log(create(for_ever()))

    async def body():
        async with group:
            group.create_task(fails("x"))
            log(f"sleep {await outcome(asyncio.sleep(5))}")
            log(create(for_ever()))

    log(await outcome(body()))
    log(create(for_ever()))
    log(await outcome(body()))


@scenario
async def tasks_may_start_others_while_the_group_ends(log):
    async def body():
        async with TaskGroup() as group:
            async def first():
                await sleeper(log, "first", 1)
                group.create_task(sleeper(log, "second", 1))

            group.create_task(first())
        log("left")

    log(await outcome(body()))
