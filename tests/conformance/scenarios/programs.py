"""Contexts, async generators, run(), threads: rules 2.53 to 2.55."""

import asyncio
import contextvars

from contract import timeout, wait_for

from .common import VirtualLoop, new_loop, scenario, spawn, turns

variable = contextvars.ContextVar("variable", default=0)


async def sets(value):
    variable.set(value)
    return value


@scenario
async def what_a_task_sets_its_creator_does_not_see(log):
    variable.set(1)
    await asyncio.create_task(sets(2))
    log(f"task {variable.get()}")
    await sets(3)
    log(f"coroutine {variable.get()}")
    await wait_for(sets(4), 1)
    log(f"wait_for {variable.get()}")
    async with timeout(1):
        await sets(5)
    log(f"timeout {variable.get()}")
    await asyncio.gather(sets(6))
    log(f"gather {variable.get()}")


@scenario
async def contexts_are_copied_when_something_is_scheduled(log):
    variable.set(1)

    async def body():
        log(f"task {variable.get()}")
        variable.set(7)
        await asyncio.sleep(0)
        log(f"task later {variable.get()}")

    task = spawn(body())
    log.loop.call_soon(lambda: log(f"soon {variable.get()}"))
    log.loop.call_later(1, lambda: log(f"later {variable.get()}"))
    task.add_done_callback(lambda _: log(f"callback {variable.get()}"))
    variable.set(2)
    await asyncio.sleep(2)
    log(f"main {variable.get()}")


@scenario
async def a_task_may_be_given_its_context(log):
    context = contextvars.copy_context()
    await asyncio.create_task(sets(1), context=context)
    log(f"outside {variable.get()} inside {context[variable]}")
    await asyncio.create_task(sets(2), context=context)
    log(f"outside {variable.get()} inside {context[variable]}")


async def counts(log, name, last):
    try:
        for number in range(last):
            yield number
            await asyncio.sleep(0)
    finally:
        log(f"{name} closes")
        await asyncio.sleep(1)
        log(f"{name} is closed")


@scenario
async def an_async_generator_to_its_end(log):
    async for number in counts(log, "a", 3):
        log(f"number {number}")
    log("end")


@scenario
async def an_async_generator_that_is_closed_early(log):
    generator = counts(log, "a", 3)
    log(f"number {await anext(generator)}")
    await generator.aclose()
    log("end")
    unused = counts(log, "never", 1)
    await unused.aclose()
    log("end")


@scenario
async def the_loop_closes_the_generators_that_are_left(log):
    generator = counts(log, "a", 3)
    log(f"number {await anext(generator)}")
    await log.loop.shutdown_asyncgens()
    log("end")


@scenario
def run_leaves_nothing_behind(log):
    async def stubborn_one():
        try:
            await asyncio.sleep(100)
        finally:
            log.timed("cleans up")
            await asyncio.sleep(1)
            log.timed("is clean")

    async def failing_one():
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            raise ValueError("late") from None

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(
            lambda _, context: log.timed(f"handler {context['message']}: {context['exception']}"))
        spawn(stubborn_one())
        spawn(failing_one())
        generator = counts(log.timed, "generator", 3)
        log.timed(f"number {await anext(generator)}")
        global kept
        kept = generator
        await asyncio.sleep(1)
        log.timed("main ends")
        return 5

    loop = new_loop(log)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        log.timed(f"result {runner.run(main())}")
    log.timed(f"closed {loop.is_closed()}")


@scenario
def a_runner_keeps_its_context_between_runs(log):
    loop = new_loop(log)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        log(f"{runner.run(sets(8))}")

        async def reads():
            return variable.get()

        log(f"{runner.run(reads())}")


@scenario
async def jobs_in_threads_come_back_to_the_loop(log):
    def job(number):
        if number == 2:
            raise ValueError("in a thread")
        return number

    log.plain(f"{await asyncio.to_thread(job, 1)}")
    try:
        await asyncio.to_thread(job, 2)
    except ValueError as error:
        log.plain(f"{error}")
    loop = asyncio.get_running_loop()
    log.plain(f"{await loop.run_in_executor(None, job, 3)}")
    variable.set(4)
    log.plain(f"{await asyncio.to_thread(variable.get)}")
