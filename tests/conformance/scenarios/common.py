"""What all scenarios share. tests/conformance/common.hpp is its twin."""

import asyncio
import inspect

import contract
from virtual_loop import VirtualLoop

SCENARIOS = {}


def scenario(function):
    """Registers a scenario under its name. A coroutine function runs on a loop of its own."""
    assert function.__name__ not in SCENARIOS
    SCENARIOS[function.__name__] = function
    return function


def since(*version):
    """For what older interpreters lack: they leave the trace alone."""

    def register(function):
        function.since = version
        return scenario(function)

    return register


class Log:
    """`log("event")` notes the event, the pass since the start, and the virtual time."""

    def __init__(self):
        self.lines = []
        self.on = True
        self.loop = None
        self.base = 0

    def attach(self, loop):
        self.loop = loop
        self.base = loop.turns

    def __call__(self, event):
        if self.on:
            self.lines.append(f"{event} @{self.loop.turns - self.base} {self.loop.now:g}s")

    def timed(self, event):
        """Without the pass: how many a shutdown takes is nobody's contract."""
        if self.on:
            self.lines.append(f"{event} {self.loop.now:g}s")

    def plain(self, event):
        """Where threads decide how many passes it takes."""
        if self.on:
            self.lines.append(event)


def describe(error):
    if isinstance(error, BaseExceptionGroup):
        return f"ExceptionGroup[{', '.join(describe(e) for e in error.exceptions)}]"
    name = type(error).__name__
    if isinstance(error, asyncio.InvalidStateError):
        return name  # CPython has two texts for each case
    return f"{name}: {error}" if str(error) else name


def show(value):
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(show, value))}]"
    return describe(value) if isinstance(value, BaseException) else str(value)


async def outcome(awaitable):
    """The result or the exception, as text."""
    try:
        return show(await awaitable)
    except BaseException as error:
        return describe(error)


def attempt(call):
    """The same for a plain call."""
    try:
        return show(call())
    except BaseException as error:
        return describe(error)


def spawn(coroutine):
    return asyncio.create_task(coroutine)


async def turns(count):
    for _ in range(count):
        await asyncio.sleep(0)


async def passes(log, name, awaitable):
    before = log.loop.turns
    text = await outcome(awaitable)
    log(f"{name}: {log.loop.turns - before} passes, {text}")


# --- coroutines to be used ------------------------------------------------------------------------


async def value(result):
    return result


async def fails(text):
    raise ValueError(text)


async def for_ever():
    await asyncio.sleep(1024)


async def sleeper(log, name, delay):
    log(f"{name} in")
    try:
        await asyncio.sleep(delay)
    except asyncio.CancelledError as error:
        log(f"{name} {describe(error)}")
        raise
    log(f"{name} out")
    return name


async def fails_after(log, name, delay):
    await sleeper(log, name, delay)
    raise ValueError(name)


async def cleans_up(log, name, delay):
    """Waits for ever; when cancelled it takes `delay` to clean up."""
    try:
        await for_ever()
    finally:
        log(f"{name} cleans up")
        await asyncio.sleep(delay)
        log(f"{name} is clean")


async def stubborn(log, name, delay):
    """Waits for ever; when cancelled it goes on for `delay` and returns."""
    try:
        await for_ever()
    except asyncio.CancelledError:
        log(f"{name} refuses")
    await asyncio.sleep(delay)
    return name


async def fails_when_cancelled(log, name):
    try:
        await for_ever()
    except asyncio.CancelledError:
        log(f"{name} fails")
        raise ValueError(name)


async def logs_outcome(log, name, awaitable):
    log(f"{name}: {await outcome(awaitable)}")


# --- running --------------------------------------------------------------------------------------


def new_loop(log):
    loop = VirtualLoop()
    contract.set_task_factory(loop)
    loop.set_exception_handler(lambda _, context: None)
    log.attach(loop)
    return loop


def run(function):
    """The trace of a scenario, as lines."""
    log = Log()
    if not inspect.iscoroutinefunction(function):
        function(log)
        return log.lines
    loop = new_loop(log)

    async def main():
        log.attach(loop)
        await function(log)

    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(main())
        log.on = False
        while tasks := asyncio.all_tasks(loop):
            for task in tasks:
                task.cancel()
            loop.run_until_complete(asyncio.wait(tasks))
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    return log.lines
