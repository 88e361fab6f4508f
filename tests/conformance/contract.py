"""asyncio as the contract has it (CPython 3.15), on an interpreter that is older.

Each name here is the interpreter's own where it has the contract's form (at the end: from which
release on), and otherwise written anew from the documented rules, so that Python 3.11 can serve as
well. Sets are iterated in the order of insertion: CPython leaves that order open, the library does
not.
"""

import asyncio
import collections
import contextlib
import inspect
import sys

VERSION = sys.version_info[:2]


class OrderedSet(dict):
    """A set that remembers the order of insertion."""

    def __init__(self, items=()):
        super().__init__((item, None) for item in items)

    def add(self, item):
        self[item] = None

    def discard(self, item):
        self.pop(item, None)

    def remove(self, item):
        del self[item]


# wait(), as_completed() and TaskGroup collect into a set(): by this name they find another one.
asyncio.tasks.set = OrderedSet
asyncio.taskgroups.set = OrderedSet
if VERSION >= (3, 13):
    _text = inspect.getsource(asyncio.tasks._AsCompletedIterator)
    _display = "{ensure_future(aw, loop=loop) for aw in set(aws)}"
    assert _display in _text
    exec(_text.replace(_display, f"set([{_display[1:-1]}])"), vars(asyncio.tasks))


class Task(asyncio.tasks._PyTask):
    """The tasks of random programs: see "kept message" in differences.md."""

    def _make_cancelled_error(self):
        if self._cancelled_exc is not None:
            return self._cancelled_exc
        if self.done() and not self.cancelled():
            return asyncio.CancelledError()  # for a gather, whose last child this is
        return super()._make_cancelled_error()

    @property
    def _cancel_message(self):
        ended = self.__dict__.get("_cancelled_exc")
        return ended.args[0] if ended and ended.args else self.__dict__.get("_message")

    @_cancel_message.setter
    def _cancel_message(self, message):
        self.__dict__["_message"] = message

    def uncancel(self):
        """3.13: at zero a request that has not been delivered is withdrawn."""
        left = super().uncancel()
        if left == 0:
            self._must_cancel = False
        return left


def set_task_factory(loop, keep_message=False):
    """Tasks of the contract. The loop keeps them: CPython forgets a task that nobody else knows."""
    loop.tasks = []
    own = Task if keep_message or VERSION < (3, 13) else asyncio.Task

    def make(of, coroutine, **options):
        task = own(coroutine, loop=of, **options)
        of.tasks.append(task)
        return task

    loop.set_task_factory(make)


# --- timeout, wait_for (3.12) --------------------------------------------------------------------


class Timeout(asyncio.Timeout):
    """3.12: compares with the number of requests at the entrance, not with zero."""

    async def __aenter__(self):
        if self._state is not asyncio.timeouts._State.CREATED:
            raise RuntimeError("Timeout has already been entered")
        await super().__aenter__()
        self._requests_before = self._task.cancelling()
        return self

    async def __aexit__(self, kind, error, trace):
        fired = self._state is asyncio.timeouts._State.EXPIRING
        # Without an exception it only disarms, and takes its own request back.
        await super().__aexit__(None, None, None)
        if fired and isinstance(error, asyncio.CancelledError):
            if self._task.cancelling() <= self._requests_before:
                raise TimeoutError from error
        return None


    def reschedule(self, when):
        if self._state is asyncio.timeouts._State.CREATED:
            raise RuntimeError("Timeout has not been entered")
        super().reschedule(when)


def timeout(delay):
    loop = asyncio.get_running_loop()
    return Timeout(None if delay is None else loop.time() + delay)


def timeout_at(when):
    return Timeout(when)


async def wait_for(awaitable, delay):
    """3.12: a timeout() around a plain await; with no time left, cancel and wait for the end."""
    if delay is not None and delay <= 0:
        future = asyncio.ensure_future(awaitable)
        if not future.done():
            ended = asyncio.get_running_loop().create_future()

            def note(_):
                if not ended.done():
                    ended.set_result(None)

            future.add_done_callback(note)
            try:
                future.cancel()
                await ended
            finally:
                future.remove_done_callback(note)
            try:
                return future.result()
            except asyncio.CancelledError as error:
                raise TimeoutError from error
        return future.result()
    async with timeout(delay):
        return await awaitable


# --- gather (3.12) -------------------------------------------------------------------------------


class _Gathered(asyncio.Future):
    def cancel(self, msg=None):
        if self.done():
            return False
        asked = [child.cancel(msg=msg) for child in self.children]
        self.asked = self.asked or any(asked)
        return any(asked)


def gather(*awaitables, return_exceptions=False):
    """3.12: children that are done already count at the call."""
    loop = asyncio.get_running_loop()
    known = OrderedSet()
    for awaitable in awaitables:
        if awaitable not in known:
            known[awaitable] = asyncio.ensure_future(awaitable)
    outer = _Gathered(loop=loop)
    outer.children = [known[awaitable] for awaitable in awaitables]
    outer.asked = False
    left = len(known)

    def result_of(child):
        if child.cancelled():
            return asyncio.CancelledError(child._cancel_message or "")
        return child.exception() or child.result()

    def on_done(child):
        nonlocal left
        left -= 1
        if outer.done():
            if not child.cancelled():
                child.exception()
            return
        if not return_exceptions:
            if child.cancelled():
                return outer.set_exception(child._make_cancelled_error())
            if child.exception() is not None:
                return outer.set_exception(child.exception())
        if left == 0:
            if outer.asked:
                outer.set_exception(outer.children[-1]._make_cancelled_error())
            else:
                outer.set_result([result_of(c) for c in outer.children])

    done = [child for child in known.values() if child.done()]
    for child in known.values():
        if child not in done:
            child.add_done_callback(on_done)
    for child in done:
        on_done(child)
    if not known:
        outer.set_result([])
    return outer


# --- TaskGroup (3.13, cancel() of 3.15) ----------------------------------------------------------


class TaskGroup:
    """Rules 2.30 to 2.38."""

    def __init__(self):
        self._state = "new"
        self._children = OrderedSet()
        self._errors = []
        self._fatal = None
        self._aborting = False
        self._parent = None
        self._parent_cancelled = False
        self._empty = None

    async def __aenter__(self):
        if self._state != "new":
            raise RuntimeError(f"TaskGroup {self!r} has already been entered")
        self._state = "entered"
        self._parent = asyncio.current_task()
        return self

    def __repr__(self):
        words = [""]
        if self._children:
            words.append(f"tasks={len(self._children)}")
        if self._errors:
            words.append(f"errors={len(self._errors)}")
        if self._aborting:
            words.append("cancelling")
        elif self._state != "new":
            words.append("entered")
        return f"<TaskGroup{' '.join(words)}>"

    def create_task(self, coroutine, **options):
        refusal = None
        if self._state == "new":
            refusal = "has not been entered"
        elif self._state == "exiting" and not self._children:
            refusal = "is finished"
        elif self._aborting:
            refusal = "is shutting down"
        if refusal:
            coroutine.close()
            raise RuntimeError(f"TaskGroup {self!r} {refusal}")
        task = asyncio.create_task(coroutine, **options)
        self._children.add(task)
        task.add_done_callback(self._on_done)
        return task

    def _abort(self):
        self._aborting = True
        for child in list(self._children):
            if not child.done():
                child.cancel()

    def _on_done(self, child):
        self._children.discard(child)
        if not self._children and self._empty is not None and not self._empty.done():
            self._empty.set_result(None)
        if child.cancelled() or child.exception() is None:
            return
        error = child.exception()
        self._errors.append(error)
        if isinstance(error, (SystemExit, KeyboardInterrupt)) and self._fatal is None:
            self._fatal = error
        if not self._aborting and not self._parent_cancelled:
            self._abort()
            self._parent_cancelled = True
            self._parent.cancel()

    async def __aexit__(self, kind, error, trace):
        self._state = "exiting"
        if isinstance(error, (SystemExit, KeyboardInterrupt)) and self._fatal is None:
            self._fatal = error
        cancellation = error if isinstance(error, asyncio.CancelledError) else None
        if error is not None and not self._aborting:
            self._abort()
        while self._children:
            self._empty = asyncio.get_running_loop().create_future()
            try:
                await self._empty
            except asyncio.CancelledError as outside:
                if not self._aborting:
                    cancellation = outside
                    self._abort()
            self._empty = None
        if self._fatal is not None:
            raise self._fatal
        if self._parent_cancelled and self._parent.uncancel() == 0:
            cancellation = None
        if cancellation is not None and not self._errors:
            raise cancellation
        if error is not None and not isinstance(error, asyncio.CancelledError):
            self._errors.append(error)
        if self._errors:
            if self._parent.cancelling():
                # It strikes again at the next await, and the count stays.
                self._parent.uncancel()
                self._parent.cancel()
            errors, self._errors = self._errors, []
            raise BaseExceptionGroup("unhandled errors in a TaskGroup", errors) from None
        return cancellation is None and isinstance(error, asyncio.CancelledError)


# --- locks ---------------------------------------------------------------------------------------


class Condition(asyncio.Condition):
    """3.13: re-raises the last CancelledError; who fails after a notification passes it on."""

    async def wait(self):
        if not self.locked():
            raise RuntimeError("cannot wait on un-acquired lock")
        woken = asyncio.get_running_loop().create_future()
        self.release()
        try:
            try:
                self._waiters.append(woken)
                try:
                    await woken
                    return True
                finally:
                    self._waiters.remove(woken)
            finally:
                last = None
                while True:
                    try:
                        await self.acquire()
                        break
                    except asyncio.CancelledError as error:
                        last = error
                if last is not None:
                    raise last
        except BaseException:
            self._pass_on()
            raise

    def _pass_on(self):
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(False)
                return


class Semaphore(asyncio.Semaphore):
    """3.13: every waker serves as many as the value allows."""

    def _serve(self):
        while self._value > 0:
            waiter = next((w for w in self._waiters or () if not w.done()), None)
            if waiter is None:
                return
            self._value -= 1
            waiter.set_result(True)

    async def acquire(self):
        if not self.locked():
            self._value -= 1
            return True
        if self._waiters is None:
            self._waiters = collections.deque()
        served = asyncio.get_running_loop().create_future()
        self._waiters.append(served)
        try:
            try:
                await served
            finally:
                self._waiters.remove(served)
        except asyncio.CancelledError:
            if served.done() and not served.cancelled():
                self._value += 1
            raise
        finally:
            self._serve()
        return True


class BoundedSemaphore(Semaphore):
    def __init__(self, value=1):
        self._bound = value
        super().__init__(value)

    def release(self):
        if self._value >= self._bound:
            raise ValueError("BoundedSemaphore released too many times")
        super().release()


class Barrier(asyncio.Barrier):
    def __init__(self, parties):
        super().__init__(parties)
        self._cond = Condition()


# --- queues (shutdown() of 3.13) -----------------------------------------------------------------


class QueueShutDown(Exception):
    pass


class _Shutdown:
    _down = False

    def shutdown(self, immediate=False):
        self._down = True
        if immediate:
            while not self.empty():
                self._get()
                if self._unfinished_tasks > 0:
                    self._unfinished_tasks -= 1
            if self._unfinished_tasks == 0:
                self._finished.set()
        for waiters in (self._getters, self._putters):
            while waiters:
                waiter = waiters.popleft()
                if not waiter.done():
                    waiter.set_result(None)

    def put_nowait(self, item):
        if self._down:
            raise QueueShutDown
        super().put_nowait(item)

    def get_nowait(self):
        if self.empty() and self._down:
            raise QueueShutDown
        return super().get_nowait()

    async def put(self, item):
        while self.full() and not self._down:
            await self._queued(self._putters, lambda: not self.full())
        return self.put_nowait(item)

    async def get(self):
        while self.empty() and not self._down:
            await self._queued(self._getters, lambda: not self.empty())
        return self.get_nowait()

    async def _queued(self, waiters, possible):
        waiter = asyncio.get_running_loop().create_future()
        waiters.append(waiter)
        try:
            await waiter
        except:
            waiter.cancel()
            with contextlib.suppress(ValueError):
                waiters.remove(waiter)
            if possible() and not waiter.cancelled():
                self._wakeup_next(waiters)
            raise


class Queue(_Shutdown, asyncio.Queue):
    pass


class PriorityQueue(_Shutdown, asyncio.PriorityQueue):
    pass


class LifoQueue(_Shutdown, asyncio.LifoQueue):
    pass


# --- as_completed (3.13) -------------------------------------------------------------------------


class as_completed:
    """Asynchronous iteration over the futures as they end; a cancelled step loses no item."""

    def __init__(self, awaitables, *, timeout=None):
        self._todo = OrderedSet(asyncio.ensure_future(a) for a in OrderedSet(awaitables))
        self._left = len(self._todo)
        self._ended = Queue()
        self._timer = None
        for future in list(self._todo):
            future.add_done_callback(self._on_done)
        if self._todo and timeout is not None:
            self._timer = asyncio.get_running_loop().call_later(timeout, self._on_timeout)

    def _on_done(self, future):
        if future not in self._todo:
            return
        self._todo.remove(future)
        self._ended.put_nowait(future)
        if not self._todo and self._timer is not None:
            self._timer.cancel()

    def _on_timeout(self):
        for future in list(self._todo):
            future.remove_done_callback(self._on_done)
            self._ended.put_nowait(None)
        self._todo.clear()

    def __aiter__(self):
        return self

    async def __anext__(self):
        if self._left == 0:
            raise StopAsyncIteration
        self._left -= 1
        try:
            future = await self._ended.get()
        except asyncio.CancelledError:
            self._left += 1
            raise
        if future is None:
            raise TimeoutError
        return future


# --- for random programs: see "Notices" in differences.md ----------------------------------------


class _Shielded(asyncio.Future):
    """The outer future of a shield, whose own callback, the first, is called when it is cancelled."""

    _own = None

    def add_done_callback(self, callback, *, context=None):
        if self._own is None:
            self._own = callback
        else:
            super().add_done_callback(callback, context=context)

    def cancel(self, msg=None):
        cancelled = super().cancel(msg=msg)
        if cancelled:
            self._own(self)
        return cancelled


def shield(awaitable):
    loop = asyncio.get_running_loop()
    loop.create_future = lambda: _Shielded(loop=loop)
    try:
        return asyncio.shield(awaitable)
    finally:
        del loop.create_future


def drop(completed):
    """as_completed() whose iteration was left early."""
    callback = getattr(completed, "_handle_completion", None) or completed._on_done
    for future in list(completed._todo):
        future.remove_done_callback(callback)
    timer = getattr(completed, "_timeout_handle", None) or getattr(completed, "_timer", None)
    if timer is not None:
        timer.cancel()


if VERSION >= (3, 12):
    from asyncio import gather, timeout, timeout_at, wait_for  # noqa: F401
if VERSION >= (3, 13):
    from asyncio import (  # noqa: F401
        Barrier, BoundedSemaphore, Condition, LifoQueue, PriorityQueue, Queue, QueueShutDown,
        Semaphore, TaskGroup, as_completed)
