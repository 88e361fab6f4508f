"""Locks, events, conditions, semaphores, barriers: rules 2.39 to 2.42."""

import asyncio

from contract import Barrier, BoundedSemaphore, Condition, Semaphore

from .common import attempt, logs_outcome, outcome, scenario, spawn, turns


async def holds(log, name, lock, delay=0):
    async with lock:
        log(f"{name} has it")
        await asyncio.sleep(delay)
    log(f"{name} gave it back")


@scenario
async def a_lock_goes_from_one_to_the_next(log):
    lock = asyncio.Lock()
    await lock.acquire()
    for name in "abc":
        spawn(holds(log, name, lock))
    await turns(1)
    lock.release()
    log(f"locked {lock.locked()}")
    spawn(holds(log, "newcomer", lock))
    await turns(12)
    log(attempt(lock.release))


@scenario
async def nobody_overtakes_who_waits_for_a_lock(log):
    lock = asyncio.Lock()
    await lock.acquire()
    waiter = spawn(holds(log, "waiter", lock, 1))
    await turns(1)
    lock.release()
    log(f"locked {lock.locked()}")
    await lock.acquire()
    log("main has it")
    lock.release()
    log(await outcome(waiter))


@scenario
async def a_cancelled_waiter_leaves_the_lock_to_the_next(log):
    lock = asyncio.Lock()
    await lock.acquire()
    first = spawn(logs_outcome(log, "first", holds(log, "first", lock)))
    spawn(logs_outcome(log, "second", holds(log, "second", lock)))
    await turns(1)
    first.cancel("m")
    await turns(2)
    lock.release()
    await turns(4)


@scenario
async def a_woken_waiter_that_is_cancelled_wakes_the_next(log):
    lock = asyncio.Lock()
    await lock.acquire()
    first = spawn(logs_outcome(log, "first", holds(log, "first", lock)))
    spawn(logs_outcome(log, "second", holds(log, "second", lock)))
    await turns(1)
    lock.release()
    first.cancel()
    await turns(5)
    log(f"locked {lock.locked()}")


@scenario
async def a_cancelled_waiter_does_not_hold_up_a_newcomer(log):
    lock = asyncio.Lock()
    await lock.acquire()
    waiter = spawn(logs_outcome(log, "waiter", lock.acquire()))
    await turns(1)
    waiter.cancel()
    lock.release()
    log(f"newcomer {await outcome(lock.acquire())}")
    await turns(2)


@scenario
async def an_event_wakes_all_who_wait_even_if_it_is_cleared(log):
    event = asyncio.Event()
    for name in "abc":
        spawn(logs_outcome(log, name, event.wait()))
    await turns(1)
    event.set()
    event.clear()
    log(f"set {event.is_set()}")
    spawn(logs_outcome(log, "late", event.wait()))
    await turns(3)
    event.set()
    await turns(2)


@scenario
async def a_cancelled_waiter_of_an_event_just_leaves(log):
    event = asyncio.Event()
    first = spawn(logs_outcome(log, "first", event.wait()))
    second = spawn(logs_outcome(log, "second", event.wait()))
    await turns(1)
    first.cancel("m")
    event.set()
    second.cancel("too late")
    await turns(2)


async def waits(log, name, condition):
    async with condition:
        log(f"{name} waits")
        try:
            await condition.wait()
            log(f"{name} notified")
        except asyncio.CancelledError as error:
            log(f"{name} cancelled {error} locked {condition.locked()}")
            raise


@scenario
async def a_condition_notifies_as_many_as_asked(log):
    condition = Condition()
    for name in "abcd":
        spawn(waits(log, name, condition))
    await turns(3)
    async with condition:
        condition.notify(2)
        log("notified two")
    await turns(4)
    async with condition:
        condition.notify_all()
        log("notified all")
    await turns(6)


@scenario
async def a_condition_needs_its_lock(log):
    condition = Condition()
    log(await outcome(condition.wait()))
    log(attempt(condition.notify))
    log(attempt(condition.release))


@scenario
async def a_cancelled_wait_owns_the_lock_before_it_raises(log):
    condition = Condition()
    task = spawn(waits(log, "a", condition))
    await turns(2)
    await condition.acquire()
    task.cancel("first")
    await turns(3)
    log("still mine")
    task.cancel("second")
    await turns(2)
    condition.release()
    log(await outcome(task))
    log(f"locked {condition.locked()}")


@scenario
async def a_notified_waiter_that_is_cancelled_passes_it_on(log):
    condition = Condition()
    first = spawn(waits(log, "first", condition))
    spawn(waits(log, "second", condition))
    await turns(3)
    async with condition:
        condition.notify()
        first.cancel()
    await turns(6)
    log(f"locked {condition.locked()}")


@scenario
async def a_condition_waits_for_a_predicate(log):
    condition = Condition()
    numbers = []

    async def body():
        async with condition:
            return await condition.wait_for(lambda: sum(numbers) > 2)

    task = spawn(logs_outcome(log, "predicate", body()))
    for number in (1, 1, 1):
        await turns(2)
        async with condition:
            numbers.append(number)
            condition.notify_all()
            log(f"sum {sum(numbers)}")
    log(await outcome(task))


@scenario
async def a_semaphore_serves_in_order(log):
    semaphore = Semaphore(2)
    for name in "abcde":
        spawn(holds(log, name, semaphore, 1))
    await turns(1)
    log(f"locked {semaphore.locked()}")
    await asyncio.sleep(4)


@scenario
async def a_cancelled_grantee_gives_its_permit_back(log):
    semaphore = Semaphore(0)
    first = spawn(logs_outcome(log, "first", semaphore.acquire()))
    spawn(logs_outcome(log, "second", semaphore.acquire()))
    third = spawn(logs_outcome(log, "third", semaphore.acquire()))
    await turns(1)
    semaphore.release()
    semaphore.release()
    first.cancel()
    log(f"locked {semaphore.locked()}")
    await turns(3)
    log(f"locked {semaphore.locked()}")
    third.cancel()
    await turns(2)


@scenario
async def a_semaphore_is_bounded_or_not(log):
    bounded = BoundedSemaphore(1)
    log(attempt(bounded.release))
    plain = Semaphore(0)
    plain.release()
    log(f"{await outcome(plain.acquire())} {attempt(lambda: Semaphore(-1).locked())}")


async def arrives(log, name, barrier):
    log(f"{name}: {await outcome(barrier.wait())}")


@scenario
async def a_barrier_lets_all_go_when_the_last_has_come(log):
    barrier = Barrier(3)
    for name in "abc":
        spawn(arrives(log, name, barrier))
        await turns(1)
        log(f"waiting {barrier.n_waiting}")
    await turns(3)
    last = [spawn(arrives(log, name, barrier)) for name in "defg"][-1]
    await turns(6)
    log(f"waiting {barrier.n_waiting} broken {barrier.broken}")
    last.cancel()
    await turns(3)


@scenario
async def a_barrier_that_is_reset_begins_anew(log):
    barrier = Barrier(3)
    spawn(arrives(log, "a", barrier))
    spawn(arrives(log, "b", barrier))
    await turns(2)
    await barrier.reset()
    log("reset")
    for name in "cde":
        spawn(arrives(log, name, barrier))
    await turns(6)
    log(f"waiting {barrier.n_waiting} broken {barrier.broken}")


@scenario
async def a_barrier_that_is_aborted_stays_broken(log):
    barrier = Barrier(3)
    spawn(arrives(log, "a", barrier))
    await turns(2)
    await barrier.abort()
    log(f"broken {barrier.broken}")
    spawn(arrives(log, "b", barrier))
    await turns(3)
    await barrier.reset()
    log(f"broken {barrier.broken}")


@scenario
async def a_cancelled_task_leaves_the_barrier(log):
    barrier = Barrier(2)
    first = spawn(arrives(log, "a", barrier))
    await turns(2)
    first.cancel("m")
    await turns(2)
    log(f"waiting {barrier.n_waiting} broken {barrier.broken}")
    spawn(arrives(log, "b", barrier))
    spawn(arrives(log, "c", barrier))
    await turns(4)
