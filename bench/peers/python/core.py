"""The items of bench/core on asyncio's own loop or uvloop's, under the same names.

core.py asyncio|uvloop quick|full|sleepers|growth
"""

import asyncio
import os
import statistics
import sys
import threading
import time

thread_cpu_ns = time.thread_time_ns
process_cpu_ns = time.process_time_ns


async def trivial():
    return 1


async def nothing():
    pass


# ---- coroutines and tasks


async def await_trivial(n):
    begin = thread_cpu_ns()
    for _ in range(n):
        await trivial()
    return thread_cpu_ns() - begin


async def task_single(n):
    begin = thread_cpu_ns()
    for _ in range(n):
        await asyncio.create_task(trivial())
    return thread_cpu_ns() - begin


async def task_batch(n):
    begin = thread_cpu_ns()
    for _ in range(n // 1000):
        tasks = [asyncio.create_task(trivial()) for _ in range(1000)]
        for task in tasks:
            await task
    return thread_cpu_ns() - begin


async def gather_many(n):
    begin = thread_cpu_ns()
    for _ in range(n // 10_000):
        await asyncio.gather(*[trivial() for _ in range(10_000)])
    return thread_cpu_ns() - begin


async def task_group_many(n):
    begin = thread_cpu_ns()
    for _ in range(n // 10_000):
        async with asyncio.TaskGroup() as group:
            for _ in range(10_000):
                group.create_task(trivial())
    return thread_cpu_ns() - begin


async def as_completed_many(n):
    total = 0
    begin = thread_cpu_ns()
    for _ in range(n // 10_000):
        for following in asyncio.as_completed([trivial() for _ in range(10_000)]):
            total += await following
    end = thread_cpu_ns()
    assert total == n
    return end - begin


async def wait_for_trivial(n):
    begin = thread_cpu_ns()
    for _ in range(n):
        await asyncio.wait_for(trivial(), 10)
    return thread_cpu_ns() - begin


def run_nothing(n):
    begin = thread_cpu_ns()
    for _ in range(n):
        asyncio.run(nothing())
    return thread_cpu_ns() - begin


# ---- turns of the loop


async def spin(turns):
    for _ in range(turns):
        await asyncio.sleep(0)


def switch(tasks):
    async def time_switches(n):
        turns = n // tasks
        others = [asyncio.create_task(spin(turns + 2)) for _ in range(tasks - 1)]
        await asyncio.sleep(0)
        begin = thread_cpu_ns()
        for _ in range(turns):
            await asyncio.sleep(0)
        end = thread_cpu_ns()
        for task in others:
            await task
        return end - begin

    return time_switches


async def switch_watching(n):
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    time_taken = await switch(1)(n)
    server.close()
    return time_taken


async def call_soon(n):
    loop = asyncio.get_running_loop()
    calls = 0

    def call():
        nonlocal calls
        calls += 1

    begin = thread_cpu_ns()
    for _ in range(n // 1000):
        for _ in range(1000):
            loop.call_soon(call)
        await asyncio.sleep(0)
    return thread_cpu_ns() - begin


async def call_later_cancel(n):
    loop = asyncio.get_running_loop()
    begin = thread_cpu_ns()
    for _ in range(n):
        loop.call_later(30, nothing).cancel()
    return thread_cpu_ns() - begin


async def future_wake(n):
    loop = asyncio.get_running_loop()
    futures = [None] * 256
    rounds = n // 256

    async def wait_again_and_again(index):
        for _ in range(rounds):
            await futures[index]
            await asyncio.sleep(0)

    waiters = [asyncio.create_task(wait_again_and_again(k)) for k in range(256)]
    total = 0
    for _ in range(rounds):
        for k in range(256):
            futures[k] = loop.create_future()
        await asyncio.sleep(0)
        begin = thread_cpu_ns()
        for future in futures:
            future.set_result(None)
        await asyncio.sleep(0)
        total += thread_cpu_ns() - begin
    for waiter in waiters:
        await waiter
    return total


def flood(which):
    async def time_flood(n):
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        left = n
        times = {}

        def count():
            nonlocal left
            left -= 1
            if left == 0:
                done.set_result(None)

        def call():
            caller_begin = thread_cpu_ns()
            for _ in range(n):
                loop.call_soon_threadsafe(count)
            times["caller"] = thread_cpu_ns() - caller_begin

        begin = process_cpu_ns()
        caller = threading.Thread(target=call)
        caller.start()
        await done
        times["both"] = process_cpu_ns() - begin
        caller.join()
        return times[which]

    return time_flood


# ---- locks and queues


async def queue_free(n):
    queue = asyncio.Queue()
    begin = thread_cpu_ns()
    for i in range(n):
        await queue.put(i)
        await queue.get()
    return thread_cpu_ns() - begin


def queue_of(maxsize):
    async def time_queue(n):
        queue = asyncio.Queue(maxsize)

        async def put_all():
            for i in range(n):
                await queue.put(i)

        producer = asyncio.create_task(put_all())
        begin = thread_cpu_ns()
        for _ in range(n):
            await queue.get()
        end = thread_cpu_ns()
        await producer
        return end - begin

    return time_queue


async def lock_free(n):
    lock = asyncio.Lock()
    begin = thread_cpu_ns()
    for _ in range(n):
        await lock.acquire()
        lock.release()
    return thread_cpu_ns() - begin


async def lock_handover(n):
    lock = asyncio.Lock()

    async def take_again_and_again():
        for _ in range(n // 2):
            await lock.acquire()
            lock.release()

    await lock.acquire()
    tasks = [asyncio.create_task(take_again_and_again()) for _ in range(2)]
    await asyncio.sleep(0)
    begin = thread_cpu_ns()
    lock.release()
    for task in tasks:
        await task
    return thread_cpu_ns() - begin


async def event_wake(n):
    event = asyncio.Event()
    rounds = n // 256

    async def wait_again_and_again():
        for _ in range(rounds):
            await event.wait()

    waiters = [asyncio.create_task(wait_again_and_again()) for _ in range(256)]
    await asyncio.sleep(0)
    begin = thread_cpu_ns()
    for _ in range(rounds):
        event.set()
        event.clear()
        await asyncio.sleep(0)
    end = thread_cpu_ns()
    for waiter in waiters:
        await waiter
    return end - begin


# ---- errors


async def fall(depth):
    if depth == 1:
        raise ValueError("deep down")
    return await fall(depth - 1)


def raise_through(depth):
    async def time_raise(n):
        begin = thread_cpu_ns()
        for _ in range(n):
            try:
                await fall(depth)
            except ValueError:
                pass
        return thread_cpu_ns() - begin

    return time_raise


async def sleep_long(depth):
    if depth == 0:
        await asyncio.sleep(3600)
    else:
        await sleep_long(depth - 1)


def cancel_join(depth):
    async def time_cancel(n):
        begin = thread_cpu_ns()
        for _ in range(n):
            task = asyncio.create_task(sleep_long(depth))
            await asyncio.sleep(0)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                pass
        return thread_cpu_ns() - begin

    return time_cancel


# ---- to another thread and back


async def time_round_trips(n):
    here = asyncio.get_running_loop()
    done = here.create_future()
    started = here.create_future()
    left = n

    async def stay():
        over = asyncio.get_running_loop().create_future()
        here.call_soon_threadsafe(started.set_result, (asyncio.get_running_loop(), over))
        await over

    def ping():
        there.call_soon_threadsafe(here.call_soon_threadsafe, pong)

    def pong():
        nonlocal left
        left -= 1
        if left == 0:
            done.set_result(None)
        else:
            ping()

    other = threading.Thread(target=asyncio.run, args=(stay(),))
    other.start()
    there, over = await started
    wall, cpu = time.perf_counter_ns(), process_cpu_ns()
    ping()
    await done
    wall, cpu = time.perf_counter_ns() - wall, process_cpu_ns() - cpu
    there.call_soon_threadsafe(over.set_result, None)
    other.join()
    return wall / n, cpu / n


async def time_to_thread(n):
    await asyncio.to_thread(int)
    wall, cpu = time.perf_counter_ns(), process_cpu_ns()
    for _ in range(n):
        await asyncio.to_thread(int)
    return (time.perf_counter_ns() - wall) / n, (process_cpu_ns() - cpu) / n


def thread_items(repeats, repeat_ns):
    n = repeat_ns // 20_000
    for name, item in (("loop to loop", time_round_trips), ("to_thread", time_to_thread)):
        walls, cpus = zip(*[asyncio.run(item(n)) for _ in range(repeats)])
        print_row(f"{name} and back, wall", "ns", statistics.median(walls))
        print_row(f"{name} and back, CPU of both", "ns", statistics.median(cpus))


# ---- 1,000,000 sleepers


def resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


async def sleep_once():
    await asyncio.sleep(8)


# When it takes longer than that to start them, asyncio still calls this task before the timers that
# are due, so that `asleep` is the moment before the first of them wakes.
async def sleep_all(count):
    before = resident_bytes()
    begin = thread_cpu_ns()
    tasks = [asyncio.create_task(sleep_once()) for _ in range(count)]
    await asyncio.sleep(0)
    asleep = thread_cpu_ns()
    size = resident_bytes() - before
    for task in tasks:
        await task
    end = thread_cpu_ns()
    print_row("1,000,000 sleepers, start", "s", (asleep - begin) / 1e9)
    print_row("1,000,000 sleepers, wake", "s", (end - asleep) / 1e9)
    print_row("1,000,000 sleepers, start + wake", "s", (end - begin) / 1e9)
    print_row("1,000,000 sleepers, each", "B", size / count)


# ---- main

ROWS = [
    ("await a trivial coroutine", await_trivial, 1000),
    ("create_task + await, one at a time", task_single, 1000),
    ("create_task + await, 1,000 at a time", task_batch, 1000),
    ("sleep(0), 1 task", switch(1), 1000),
    ("sleep(0), 1 task, a socket watched", switch_watching, 1000),
    ("sleep(0), 2 tasks", switch(2), 1000),
    ("sleep(0), 100 tasks", switch(100), 1000),
    ("sleep(0), 100,000 tasks", switch(100_000), 200_000),
    ("call_soon", call_soon, 1000),
    ("call_later + cancel", call_later_cancel, 1000),
    ("future: set + wake", future_wake, 256 * 4),
    ("queue: put + get, nobody waits", queue_free, 1000),
    ("queue of 1: put + get, two tasks", queue_of(1), 1000),
    ("queue of 100: put + get, two tasks", queue_of(100), 1000),
    ("lock: acquire + release, free", lock_free, 1000),
    ("lock: handed over", lock_handover, 1000),
    ("event: set + wake", event_wake, 256 * 4),
    ("gather of 10,000, per child", gather_many, 10_000),
    ("TaskGroup of 10,000, per child", task_group_many, 10_000),
    ("as_completed of 10,000, per child", as_completed_many, 10_000),
    ("run(nothing)", run_nothing, 10),
    ("raise through 1 coroutine", raise_through(1), 100),
    ("raise through 5 coroutines", raise_through(5), 100),
    ("raise through 10 coroutines", raise_through(10), 100),
    ("raise through 20 coroutines", raise_through(20), 100),
    ("cancel + join of a sleeper", cancel_join(0), 100),
    ("cancel + join of a sleeper, 5 deep", cancel_join(5), 100),
    ("cancel + join of a sleeper, 20 deep", cancel_join(20), 100),
    ("call_soon_threadsafe flood, caller", flood("caller"), 1000),
    ("call_soon_threadsafe flood, both threads", flood("both"), 1000),
]


def ns_per_operation(item, least_n, repeats, repeat_ns):
    def run(n):
        return asyncio.run(item(n)) if asyncio.iscoroutinefunction(item) else item(n)

    n = least_n
    while run(n) < repeat_ns:
        n *= 2
    return statistics.median(run(n) / n for _ in range(repeats))


def print_row(row, unit, value):
    print(f"{row}\t{unit}\t{value:.4g}", flush=True)


# ---- how costs grow


async def cancel_among(timers):
    loop = asyncio.get_running_loop()
    n = 20_000
    armed = [loop.call_later(3600 + i / 1000, nothing) for i in range(timers)]
    begin = thread_cpu_ns()
    for i in range(n):
        loop.call_later(3600 + i * 7919 % timers / 1000, nothing).cancel()
    time_taken = thread_cpu_ns() - begin
    for timer in armed:
        timer.cancel()
    return time_taken / n


def growth():
    for count in (100, 1_000, 10_000, 100_000):
        n = max(50_000, 3 * count)
        print_row(f"sleep(0), {count:,} tasks", "ns", asyncio.run(switch(count)(n)) / n)
        print_row(f"call_later + cancel, {count:,} timers", "ns", asyncio.run(cancel_among(count)))


def main():
    loop, command = sys.argv[1:]
    if loop == "uvloop":
        import uvloop

        uvloop.install()
    if command == "sleepers":
        return asyncio.run(sleep_all(1_000_000))
    if command == "growth":
        return growth()
    effort = (3, 1_000_000 if command == "quick" else 10_000_000)
    await_ns = 0
    for name, item, least_n in ROWS:
        time_taken = ns_per_operation(item, least_n, *effort)
        if item is await_trivial:
            await_ns = time_taken
        print_row(name, "ns", time_taken)
    wait_for_ns = ns_per_operation(wait_for_trivial, 1000, *effort)
    print_row("wait_for that does not fire, over the await", "ns", wait_for_ns - await_ns)
    thread_items(*effort)


main()
