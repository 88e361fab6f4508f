"""Runs a program of programs.py on CPython and gives its log. interpreter.cpp is its twin.

A line of the log is "ID what @pass tick". What an operation awaits is logged when it has come, also
when it is an exception, which then goes on; a plain call that fails is logged and forgotten.
"""

import asyncio
import contextvars
import gc

import contract
from virtual_loop import VirtualLoop

TICK = 1.0 / 1024
KILL_AFTER = 1000  # ticks without an end until all tasks are cancelled
KILL_ROUNDS = 12

MODES = {"first": asyncio.FIRST_COMPLETED, "exception": asyncio.FIRST_EXCEPTION,
         "all": asyncio.ALL_COMPLETED}
KINDS = {"cancelled": asyncio.CancelledError, "error": Exception, "any": BaseException}
QUEUES = {"fifo": contract.Queue, "lifo": contract.LifoQueue, "prio": contract.PriorityQueue}

variable = contextvars.ContextVar("variable", default=0)


class Return:
    """What a block gives that has come to a `return`; otherwise it gives None."""

    def __init__(self, value):
        self.value = value


class Missing:
    """What is referred to has not been made."""


def describe(error):
    if isinstance(error, BaseExceptionGroup):
        return f"ExceptionGroup[{' '.join(describe(e) for e in error.exceptions)}]"
    if isinstance(error, asyncio.InvalidStateError):
        return "InvalidStateError"
    text = str(error).split("<")[0].strip()  # what follows is a repr
    return f"{type(error).__name__}({text})"


def show(value):
    if isinstance(value, list):
        return f"[{' '.join(show(v) for v in value)}]"
    return describe(value) if isinstance(value, BaseException) else str(value)


class Machine:
    def __init__(self, loop):
        self.loop = loop
        self.lines = []
        self.base = 0
        self.tasks = {}
        self.gathers = {}
        self.timeouts = {}
        self.groups = {}
        self.handles = {}
        self.objects = {}
        self.counters = {}
        self.made = []

    def log(self, node, text):
        now = int(self.loop.now / TICK)
        self.lines.append(f"{node[1]} {text} @{self.loop.turns - self.base} {now}")

    def fail(self, node, error):
        self.log(node, f"! {describe(error)}")

    # --- the whole --------------------------------------------------------------------------------

    async def main(self, program):
        self.base = self.loop.turns
        self.start = self.loop.time()
        for node in program[2:-1]:
            self.new(*node[1:])
        root = program[-1]
        self.made.append(asyncio.create_task(self.body(["main", 0, *root[1:]])))
        for _ in range(KILL_ROUNDS):
            await asyncio.sleep(KILL_AFTER * TICK)
            pending = [task for task in self.made if not task.done()]
            if not pending:
                break
            self.log(["", 0], f"kill {len(pending)}")
            for task in pending:
                task.cancel()
        self.log(["", 0], "end " + self.states())

    def states(self):
        return "".join(self.state(task) for task in self.made)

    @staticmethod
    def state(future):
        if not future.done():
            return "p"
        if future.cancelled():
            return "c"
        return "e" if future.exception() is not None else "r"

    def new(self, kind, number, *arguments):
        if kind == "queue":
            made = QUEUES[arguments[0]](arguments[1])
        else:
            makers = {"fut": self.loop.create_future, "lock": asyncio.Lock,
                      "event": asyncio.Event, "sem": contract.Semaphore,
                      "bsem": contract.BoundedSemaphore, "cond": contract.Condition,
                      "barrier": contract.Barrier}
            made = makers[kind](*arguments)
        self.objects[kind, number] = made
        self.counters[number] = 0

    async def body(self, node):
        returned = await self.block(node[2:])
        return returned and returned.value

    async def block(self, nodes):
        for node in nodes:
            if returned := await self.statement(node):
                return returned

    async def statement(self, node):
        operation = getattr(self, "do_" + node[0], None)
        if operation:
            return await operation(node)
        self.plain(node)

    # --- what awaits ------------------------------------------------------------------------------

    async def noted(self, node, awaitable):
        try:
            result = await awaitable
        except BaseException as error:
            self.fail(node, error)
            raise
        self.log(node, f"= {show(result)}")

    async def do_sleep(self, node):
        await self.noted(node, asyncio.sleep(node[2] * TICK))

    async def do_await(self, node):
        awaitable = self.awaitable(node[2])
        if awaitable is Missing:
            self.log(node, "none")
        else:
            await self.noted(node, awaitable)

    async def do_return(self, node):
        return Return(node[2])

    async def do_raise(self, node):
        raise ValueError(node[2])

    async def do_try(self, node):
        kind, action, do, on, finally_ = node[2:]
        failure = None
        try:
            returned = await self.block(do[1:])
        except BaseException as error:
            failure = error
        if isinstance(failure, KINDS[kind]):
            self.log(node, f"caught {describe(failure)}")
            try:
                returned = await self.block(on[1:])
                if action == "uncancel":
                    self.log(node, f"uncancel {asyncio.current_task().uncancel()}")
                if returned or action != "reraise":
                    failure = None
            except BaseException as error:
                failure = error
        if last := await self.block(finally_[1:]):
            return last
        if failure is not None:
            raise failure
        return returned

    async def do_ok(self, node):
        try:
            return await self.statement(node[3])
        except KINDS[node[2]]:
            return None

    async def scope(self, node, manager, statements, end=lambda: ""):
        try:
            async with manager:
                self.log(node, "in")
                returned = await self.block(statements)
        except BaseException as error:
            self.log(node, f"! {describe(error)}{end()}")
            raise
        self.log(node, f"out{end()}")
        return returned

    async def do_timeout(self, node):
        return await self.limit(node, contract.timeout(None if node[3] < 0 else node[3] * TICK))

    async def do_timeoutat(self, node):
        when = None if node[3] < 0 else self.start + node[3] * TICK
        return await self.limit(node, contract.timeout_at(when))

    async def limit(self, node, timeout):
        self.timeouts[node[2]] = timeout
        return await self.scope(node, timeout, node[4:],
                         lambda: f" {'expired' if timeout.expired() else 'in time'}")

    async def do_group(self, node):
        group = self.groups[node[2]] = contract.TaskGroup()
        return await self.scope(node, group, node[3:])

    async def do_with(self, node):
        return await self.scope(node, self.objects[node[2], node[3]], node[4:])

    async def do_acquire(self, node):
        await self.noted(node, self.objects[node[2], node[3]].acquire())

    async def do_evwait(self, node):
        await self.noted(node, self.awaitable(node))

    async def do_get(self, node):
        await self.noted(node, self.awaitable(node))

    async def do_put(self, node):
        await self.noted(node, self.objects["queue", node[2]].put(node[3]))

    async def do_join(self, node):
        await self.noted(node, self.objects["queue", node[2]].join())

    async def do_barwait(self, node):
        await self.noted(node, self.objects["barrier", node[2]].wait())

    async def do_barreset(self, node):
        await self.noted(node, self.objects["barrier", node[2]].reset())

    async def do_barabort(self, node):
        await self.noted(node, self.objects["barrier", node[2]].abort())

    async def do_cwait(self, node):
        await self.noted(node, self.objects["cond", node[2]].wait())

    async def do_cwaitfor(self, node):
        condition = self.objects["cond", node[2]]
        await self.noted(node, condition.wait_for(lambda: self.counters[node[2]] >= node[3]))

    async def do_wait(self, node):
        futures = self.futures(node[4:])
        timeout = None if node[3] < 0 else node[3] * TICK

        async def indices():
            done, _ = await asyncio.wait(futures, timeout=timeout, return_when=MODES[node[2]])
            return [index for index, future in enumerate(futures) if future in done]

        await self.noted(node, indices())

    async def do_ascomp(self, node):
        futures = self.futures(node[3:])
        timeout = None if node[2] < 0 else node[2] * TICK
        completed = contract.as_completed(futures, timeout=timeout)
        try:
            async for future in completed:
                self.log(node, f"{futures.index(future)} {self.state(future)}")
        except BaseException as error:
            self.fail(node, error)
            raise
        finally:
            contract.drop(completed)
        self.log(node, "out")

    def futures(self, nodes):
        made = [self.awaitable(node) for node in nodes]
        return [asyncio.ensure_future(a) for a in made if a is not Missing]

    def awaitable(self, node):
        match node:
            case ["task", _, slot]:
                return self.tasks.get(slot, Missing)
            case ["g", _, slot]:
                return self.gathers.get(slot, Missing)
            case ["fut", _, number]:
                return self.objects["fut", number]
            case ["body", *_]:
                return self.body(node)
            case ["csleep", _, delay, result]:
                return asyncio.sleep(delay * TICK, result)
            case ["gather", _, collect, *children]:
                return self.gather(collect, children)
            case ["shield", _, inner]:
                made = self.awaitable(inner)
                return Missing if made is Missing else contract.shield(made)
            case ["waitfor", _, delay, inner]:
                made = self.awaitable(inner)
                if made is Missing:
                    return Missing
                return contract.wait_for(made, None if delay < 0 else delay * TICK)
            case ["acq", _, kind, number]:
                return self.objects[kind, number].acquire()
            case ["evwait", _, number]:
                return self.objects["event", number].wait()
            case ["get", _, number]:
                return self.objects["queue", number].get()
        raise AssertionError(node)

    def gather(self, collect, children):
        made = [self.awaitable(child) for child in children]
        return contract.gather(*(a for a in made if a is not Missing),
                               return_exceptions=bool(collect))

    # --- plain calls ------------------------------------------------------------------------------

    def plain(self, node):
        try:
            result = getattr(self, "call_" + node[0])(node)
        except Exception as error:
            self.fail(node, error)
            return
        if result is not None:
            self.log(node, show(result))

    def callback(self, nodes):
        def run(*_):
            for node in nodes:
                self.plain(node)

        return run

    def call_spawn(self, node):
        task = asyncio.create_task(self.body(node[:2] + node[3:]))
        self.tasks[node[2]] = task
        self.made.append(task)

    def call_gspawn(self, node):
        group = self.groups.get(node[2])
        if group is None:
            return "none"
        task = self.tasks[node[3]] = group.create_task(self.body(node[:2] + node[4:]))
        self.made.append(task)

    def call_mkgather(self, node):
        self.gathers[node[2]] = self.gather(node[3], node[4:])

    def cancel(self, future, message):
        if future is None:
            return "none"
        return future.cancel() if message == "-" else future.cancel(message)

    def call_cancel(self, node):
        return self.cancel(self.tasks.get(node[2]), node[3])

    def call_gcancel(self, node):
        return self.cancel(self.gathers.get(node[2]), node[3])

    def call_fcancel(self, node):
        return self.cancel(self.objects["fut", node[2]], node[3])

    def call_self(self, node):
        return self.cancel(asyncio.current_task(), node[2])

    def call_uncancelself(self, node):
        return asyncio.current_task().uncancel()

    def call_cancelling(self, node):
        return asyncio.current_task().cancelling()

    def call_uncancel(self, node):
        task = self.tasks.get(node[2])
        return "none" if task is None else task.uncancel()

    def call_resched(self, node):
        timeout = self.timeouts.get(node[2])
        if timeout is None:
            return "none"
        timeout.reschedule(None if node[3] < 0 else self.loop.time() + node[3] * TICK)
        return "ok"

    def call_fset(self, node):
        self.objects["fut", node[2]].set_result(node[3])

    def call_fexc(self, node):
        self.objects["fut", node[2]].set_exception(ValueError(node[3]))

    def call_fdone(self, node):
        return self.state(self.objects["fut", node[2]])

    def call_state(self, node):
        return self.states()

    def call_soon(self, node):
        self.handles[node[2]] = self.loop.call_soon(self.callback(node[3:]))

    def call_later(self, node):
        self.handles[node[2]] = self.loop.call_later(node[3] * TICK, self.callback(node[4:]))

    def call_hcancel(self, node):
        handle = self.handles.get(node[2])
        if handle is None:
            return "none"
        handle.cancel()

    def call_callback(self, node):
        of = self.tasks.get(node[3]) if node[2] == "task" else self.objects["fut", node[3]]
        if of is None:
            return "none"
        of.add_done_callback(self.callback(node[4:]))

    def call_release(self, node):
        self.objects[node[2], node[3]].release()

    def call_set(self, node):
        self.objects["event", node[2]].set()

    def call_clear(self, node):
        self.objects["event", node[2]].clear()

    def call_notify(self, node):
        self.objects["cond", node[2]].notify(node[3])

    def call_bump(self, node):
        self.counters[node[2]] += 1

    def call_putnow(self, node):
        self.objects["queue", node[2]].put_nowait(node[3])

    def call_getnow(self, node):
        return self.objects["queue", node[2]].get_nowait()

    def call_taskdone(self, node):
        self.objects["queue", node[2]].task_done()

    def call_shutdown(self, node):
        self.objects["queue", node[2]].shutdown(bool(node[3]))

    def call_cvset(self, node):
        variable.set(node[2])

    def call_cvget(self, node):
        return variable.get()


runs = 0


def collect_sometimes():
    global runs
    runs += 1
    if runs % 25 == 0:
        gc.collect()


def run(program):
    """The log, as lines."""
    # A coroutine that is collected goes through its handlers, and may act on the loop that runs.
    gc.disable()
    loop = VirtualLoop()
    contract.set_task_factory(loop, keep_message=True)
    loop.set_exception_handler(lambda _, context: None)
    asyncio.set_event_loop(loop)
    machine = Machine(loop)
    context = contextvars.Context()
    try:
        task = loop.create_task(machine.main(program), context=context)
        loop.run_until_complete(task)
        return list(machine.lines)
    finally:
        asyncio.set_event_loop(None)
        loop.close()
        collect_sometimes()
