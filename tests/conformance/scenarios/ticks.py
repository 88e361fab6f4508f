"""How many passes an operation takes: the table of the contract's section 5.1, and more."""

import asyncio

import contract
from contract import TaskGroup, as_completed, gather, timeout, wait_for

from .common import fails, for_ever, passes, scenario, spawn, turns, value


@scenario
async def passes_of_what_is_ready(log):
    done = log.loop.create_future()
    done.set_result(7)
    await passes(log, "coroutine", value(1))
    await passes(log, "done future", done)
    await passes(log, "free lock", asyncio.Lock().acquire())
    queue = contract.Queue()
    queue.put_nowait(3)
    await passes(log, "queue with an item", queue.get())
    await passes(log, "unbounded put", queue.put(1))
    await passes(log, "gather of nothing", gather())
    await passes(log, "gather of what is done", gather(done, done))
    await passes(log, "wait_for a coroutine", wait_for(value(2), 1))
    await passes(log, "wait_for without end", wait_for(value(2), None))
    await passes(log, "wait_for a done future, 0", wait_for(done, 0))
    await passes(log, "shield of what is done", asyncio.shield(done))

    async def empty_group():
        async with TaskGroup():
            pass

    await passes(log, "empty group", empty_group())
    event = asyncio.Event()
    event.set()
    await passes(log, "event that is set", event.wait())
    await passes(log, "semaphore", contract.Semaphore(1).acquire())
    await passes(log, "join of nothing", contract.Queue().join())
    await passes(log, "barrier of one", contract.Barrier(1).wait())


@scenario
async def passes_of_sleeps(log):
    await passes(log, "sleep(0)", asyncio.sleep(0))
    await passes(log, "sleep(-1)", asyncio.sleep(-1))
    await passes(log, "sleep(1)", asyncio.sleep(1))
    await passes(log, "sleep(1, 5)", asyncio.sleep(1, 5))


@scenario
async def passes_of_tasks(log):
    await passes(log, "task", spawn(value(1)))
    await passes(log, "task of one turn", spawn(turns(1)))
    await passes(log, "task that fails", spawn(fails("x")))
    await passes(log, "gather of one", gather(value(1)))
    await passes(log, "gather of two", gather(value(1), value(2)))
    await passes(log, "gather that fails", gather(fails("x"), for_ever()))
    await passes(log, "gather of a failure", gather(fails("x"), return_exceptions=True))
    await passes(log, "shield", asyncio.shield(value(1)))

    async def group():
        async with TaskGroup() as tasks:
            tasks.create_task(value(1))

    await passes(log, "group of one", group())

    async def group_that_fails():
        async with TaskGroup() as tasks:
            tasks.create_task(fails("x"))
            tasks.create_task(for_ever())

    await passes(log, "group that fails", group_that_fails())

    async def completed(*awaitables):
        count = 0
        async for _ in as_completed(awaitables):
            count += 1
        return count

    await passes(log, "as_completed of two", completed(value(1), value(2)))


@scenario
async def passes_of_waits(log):
    done = log.loop.create_future()
    done.set_result(7)

    async def wait(*futures, **options):
        ended, pending = await asyncio.wait(futures, **options)
        return f"{len(ended)} {len(pending)}"

    await passes(log, "done future", wait(done))
    await passes(log, "task", wait(spawn(value(1))))
    await passes(log, "timeout 0", wait(spawn(for_ever()), timeout=0))
    await passes(log, "timeout 1", wait(spawn(for_ever()), timeout=1))
    await passes(log, "first exception",
                 wait(spawn(fails("x")), spawn(for_ever()), return_when=asyncio.FIRST_EXCEPTION))


@scenario
async def passes_of_timeouts(log):
    async def limited(delay, awaitable):
        async with timeout(delay):
            await awaitable

    await passes(log, "timeout(0), sleep(0)", limited(0, asyncio.sleep(0)))
    await passes(log, "timeout(0), sleep(1)", limited(0, asyncio.sleep(1)))
    await passes(log, "timeout(1), sleep(2)", limited(1, asyncio.sleep(2)))
    await passes(log, "timeout(1), task", limited(1, spawn(for_ever())))
    await passes(log, "wait_for(coroutine, 0)", wait_for(value(1), 0))
    await passes(log, "wait_for(task, 0)", wait_for(spawn(for_ever()), 0))
    await passes(log, "wait_for(sleep, 1)", wait_for(asyncio.sleep(2), 1))


@scenario
async def passes_of_what_a_new_task_serves(log):
    event = asyncio.Event()
    lock = asyncio.Lock()
    queue = contract.Queue()

    async def does(call):
        call()

    spawn(does(event.set))
    await passes(log, "event", event.wait())
    await lock.acquire()
    spawn(does(lock.release))
    await passes(log, "lock", lock.acquire())
    spawn(does(lambda: queue.put_nowait(4)))
    await passes(log, "queue", queue.get())
