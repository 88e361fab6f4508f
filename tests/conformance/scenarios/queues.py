"""Queues: rules 2.43 and 2.44."""

import asyncio

from contract import LifoQueue, PriorityQueue, Queue

from .common import attempt, logs_outcome, outcome, scenario, spawn, turns


@scenario
async def getters_are_served_in_order(log):
    queue = Queue()
    for name in "abc":
        spawn(logs_outcome(log, name, queue.get()))
    await turns(1)
    for item in range(3):
        queue.put_nowait(item)
    log(f"size {queue.qsize()}")
    await turns(2)
    log(f"size {queue.qsize()}")


@scenario
async def a_full_queue_makes_putters_wait(log):
    queue = Queue(1)
    for item in range(3):
        spawn(logs_outcome(log, f"put {item}", queue.put(item)))
    await turns(2)
    log(f"full {queue.full()}")
    for _ in range(3):
        log(f"got {await outcome(queue.get())}")
    await turns(2)
    log(f"empty {queue.empty()}")


@scenario
async def who_comes_in_between_may_take_the_item(log):
    queue = Queue()
    spawn(logs_outcome(log, "first", queue.get()))
    await turns(1)
    queue.put_nowait(1)
    log(f"between {queue.get_nowait()}")
    await turns(2)
    queue.put_nowait(2)
    await turns(2)


@scenario
async def a_woken_getter_that_is_cancelled_wakes_the_next(log):
    queue = Queue()
    first = spawn(logs_outcome(log, "first", queue.get()))
    spawn(logs_outcome(log, "second", queue.get()))
    await turns(1)
    queue.put_nowait("item")
    first.cancel("m")
    await turns(3)
    log(f"size {queue.qsize()}")


@scenario
async def a_woken_putter_that_is_cancelled_wakes_the_next(log):
    queue = Queue(1)
    queue.put_nowait(0)
    first = spawn(logs_outcome(log, "first", queue.put(1)))
    spawn(logs_outcome(log, "second", queue.put(2)))
    await turns(1)
    log(f"got {queue.get_nowait()}")
    first.cancel()
    await turns(3)
    log(f"got {queue.get_nowait()}")


@scenario
async def join_waits_until_all_is_done(log):
    queue = Queue()
    for item in range(2):
        queue.put_nowait(item)
    spawn(logs_outcome(log, "join", queue.join()))
    await turns(1)
    for _ in range(2):
        queue.get_nowait()
        queue.task_done()
        log("done")
        await turns(1)
    log(attempt(queue.task_done))
    await turns(1)


@scenario
async def queues_without_waiting(log):
    queue = Queue(1)
    log(attempt(queue.get_nowait))
    log(attempt(lambda: queue.put_nowait(1)))
    log(attempt(lambda: queue.put_nowait(2)))
    log(f"{queue.maxsize} {queue.qsize()} {queue.full()}")


@scenario
async def a_stack_and_a_heap(log):
    stack, heap = LifoQueue(), PriorityQueue()
    for item in (3, 1, 2):
        stack.put_nowait(item)
        heap.put_nowait(item)
    log(" ".join([str(await stack.get()) for _ in range(3)]))
    log(" ".join([str(await heap.get()) for _ in range(3)]))


@scenario
async def a_queue_that_shuts_down_is_drained(log):
    queue = Queue(1)
    queue.put_nowait(1)
    spawn(logs_outcome(log, "putter", queue.put(2)))
    spawn(logs_outcome(log, "join", queue.join()))
    await turns(1)
    queue.shutdown()
    log(attempt(lambda: queue.put_nowait(3)))
    log(f"got {await outcome(queue.get())}")
    log(await outcome(queue.get()))
    await turns(2)
    queue.task_done()
    await turns(2)


@scenario
async def a_queue_that_shuts_down_at_once_is_emptied(log):
    queue = Queue()
    queue.put_nowait(1)
    queue.put_nowait(2)
    spawn(logs_outcome(log, "join", queue.join()))
    await turns(1)
    queue.shutdown(immediate=True)
    log(f"size {queue.qsize()} {attempt(queue.get_nowait)}")
    other = Queue()
    spawn(logs_outcome(log, "getter", other.get()))
    await turns(2)
    other.shutdown()
    await turns(2)
