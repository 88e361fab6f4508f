"""gather, wait, shield, as_completed: rules 2.19 to 2.24 and 2.27."""

import asyncio

from contract import as_completed, gather

from .common import (cleans_up, fails, fails_after, for_ever, logs_outcome, outcome, scenario,
                     sleeper, spawn, turns, value)


@scenario
async def gather_keeps_the_order_of_its_arguments(log):
    log(await outcome(gather(sleeper(log, "a", 3), sleeper(log, "b", 1), sleeper(log, "c", 2))))


@scenario
async def gather_raises_the_first_exception_and_the_others_run_on(log):
    log(await outcome(gather(sleeper(log, "a", 3), fails_after(log, "b", 1),
                             fails_after(log, "c", 2))))
    await asyncio.sleep(3)
    log("end")


@scenario
async def gather_collects_exceptions(log):
    log(await outcome(gather(fails_after(log, "a", 2), sleeper(log, "b", 1), fails("c"),
                             return_exceptions=True)))


@scenario
async def gather_takes_a_cancelled_child_as_an_error(log):
    child = spawn(for_ever())
    outer = gather(child, sleeper(log, "b", 2))
    await turns(1)
    child.cancel("m")
    log(await outcome(outer))
    log(f"cancelled {outer.cancelled()} cancelling {asyncio.current_task().cancelling()}")
    await asyncio.sleep(2)


@scenario
async def cancelling_gather_raises_when_the_first_child_is_done(log):
    task = spawn(logs_outcome(log, "gather", gather(cleans_up(log, "a", 2),
                                                   cleans_up(log, "b", 1))))
    await turns(2)
    task.cancel("m")
    log("cancelled")
    await asyncio.sleep(4)


@scenario
async def cancelling_gather_that_collects_waits_for_all(log):
    task = spawn(logs_outcome(log, "gather",
                              gather(cleans_up(log, "a", 2), cleans_up(log, "b", 1),
                                     return_exceptions=True)))
    await turns(2)
    task.cancel()
    log("cancelled")
    await asyncio.sleep(4)


@scenario
async def gather_runs_a_duplicate_once(log):
    task = spawn(sleeper(log, "a", 1))
    log(await outcome(gather(task, task, value("b"), task)))


@scenario
async def gather_of_gathers(log):
    inner = gather(sleeper(log, "a", 1), sleeper(log, "b", 2))
    log(await outcome(gather(inner, sleeper(log, "c", 1))))


@scenario
async def cancelling_a_finished_gather_touches_nobody(log):
    child = spawn(sleeper(log, "a", 5))
    outer = gather(child, fails("x"))
    log(await outcome(outer))
    log(f"cancel {outer.cancel()} cancelling {child.cancelling()}")
    log(await outcome(child))


async def waited(log, name, tasks, **options):
    done, pending = await asyncio.wait(tasks, **options)
    log(f"{name}: done {' '.join(str(i) for i, t in enumerate(tasks) if t in done)}; "
        f"pending {' '.join(str(i) for i, t in enumerate(tasks) if t in pending)}")


@scenario
async def wait_in_its_three_modes(log):
    def three():
        return [spawn(sleeper(log, "a", 3)), spawn(fails_after(log, "b", 2)),
                spawn(sleeper(log, "c", 1))]

    await waited(log, "all", three())
    await waited(log, "first", three(), return_when=asyncio.FIRST_COMPLETED)
    await asyncio.sleep(5)
    await waited(log, "exception", three(), return_when=asyncio.FIRST_EXCEPTION)
    await asyncio.sleep(5)


@scenario
async def wait_for_an_exception_ignores_the_cancelled(log):
    tasks = [spawn(for_ever()), spawn(sleeper(log, "b", 2))]
    log.loop.call_later(1, tasks[0].cancel)
    await waited(log, "exception", tasks, return_when=asyncio.FIRST_EXCEPTION)


@scenario
async def wait_with_a_timeout_cancels_nothing(log):
    tasks = [spawn(sleeper(log, "a", 1)), spawn(sleeper(log, "b", 3))]
    await waited(log, "timeout", tasks, timeout=2)
    log(f"cancelling {tasks[1].cancelling()}")
    await waited(log, "rest", tasks)
    await waited(log, "again", tasks, timeout=0)


@scenario
async def a_cancelled_wait_leaves_its_tasks_alone(log):
    tasks = [spawn(sleeper(log, "a", 2))]
    waiter = spawn(logs_outcome(log, "wait", waited(log, "wait", tasks)))
    await turns(2)
    waiter.cancel("m")
    await turns(2)
    log(f"cancelling {tasks[0].cancelling()}")
    log(await outcome(tasks[0]))


@scenario
async def shield_protects_the_inner_task(log):
    inner = spawn(sleeper(log, "inner", 2))
    outer = spawn(logs_outcome(log, "outer", asyncio.shield(inner)))
    await turns(2)
    outer.cancel("m")
    await turns(3)
    log(f"cancelling {inner.cancelling()}")
    log(await outcome(inner))


@scenario
async def shield_passes_the_end_of_the_inner_task_on(log):
    log(await outcome(asyncio.shield(sleeper(log, "a", 1))))
    log(await outcome(asyncio.shield(fails_after(log, "b", 1))))
    inner = spawn(sleeper(log, "c", 5))
    outer = asyncio.shield(inner)
    await turns(1)
    inner.cancel("m")
    log(f"{await outcome(outer)} cancelled {outer.cancelled()}")


@scenario
async def gather_of_shields_is_cancelled_and_the_inner_tasks_are_not(log):
    inner = [spawn(sleeper(log, "a", 1)), spawn(sleeper(log, "b", 2))]
    task = spawn(logs_outcome(log, "gather", gather(*map(asyncio.shield, inner))))
    await turns(2)
    task.cancel()
    await turns(4)
    for one in inner:
        log(await outcome(one))


@scenario
async def as_completed_gives_them_as_they_end(log):
    tasks = [spawn(sleeper(log, "a", 3)), spawn(fails_after(log, "b", 1)),
             spawn(sleeper(log, "c", 2))]
    async for task in as_completed(tasks):
        log(f"{tasks.index(task)} {await outcome(task)}")
    log("end")


@scenario
async def as_completed_with_a_timeout_raises_and_cancels_nothing(log):
    tasks = [spawn(sleeper(log, "a", 1)), spawn(sleeper(log, "b", 3))]

    async def all_of_them():
        async for task in as_completed(tasks, timeout=2):
            log(f"{tasks.index(task)}")

    log(await outcome(all_of_them()))
    log(f"cancelling {tasks[1].cancelling()} {await outcome(tasks[1])}")
