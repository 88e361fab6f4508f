"""CPython's selector loop on a clock that jumps, with its turns counted.

The loop never sleeps: when it would, its clock goes on to the next timer. Two timers of one deadline
run in the order in which they were made; CPython leaves that order open, and the library does not.
"""

import asyncio
import heapq
import itertools
import selectors


class Deadlock(BaseException):
    """Nothing can ever run again: every task waits, and no timer is armed."""


class _Timer(asyncio.TimerHandle):
    __slots__ = ("order",)

    def __lt__(self, other):
        return (self._when, self.order) < (other._when, other.order)


class _JumpingSelector(selectors.DefaultSelector):
    loop = None

    def select(self, timeout=None):
        if self.loop.jobs > 0:  # a thread is at work: what it sends is real
            return super().select(None if timeout is None else 0)
        if timeout is None:
            raise Deadlock("nothing can ever run again")
        if timeout > 0:
            self.loop.now += timeout
        return super().select(0) if self.loop.watches else []


class VirtualLoop(asyncio.SelectorEventLoop):
    """`now` is the virtual time in seconds, `turns` the number of passes made."""

    def __init__(self):
        self.now = 0.0
        self.turns = 0
        self.jobs = 0
        self.watches = False
        self._orders = itertools.count()
        selector = _JumpingSelector()
        selector.loop = self
        super().__init__(selector)
        # Times are multiples of 1/1024 s, so that their sums are exact.
        self._clock_resolution = 2.0**-20

    def time(self):
        return self.now

    def _run_once(self):
        self.turns += 1
        super()._run_once()

    def run_forever(self):
        self._check_running()  # 3.13.0 took a refused run for the end of the running one
        super().run_forever()

    def call_at(self, when, callback, *args, context=None):
        timer = _Timer(when, callback, args, self, context)
        timer.order = next(self._orders)
        # Into the heap as the base class does it, but with an order for equal times.
        heapq.heappush(self._scheduled, timer)
        timer._scheduled = True
        return timer

    def add_reader(self, *args):
        self.watches = True
        return super().add_reader(*args)

    def run_in_executor(self, executor, func, *args):
        self.jobs += 1
        self.watches = True
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(lambda _: setattr(self, "jobs", self.jobs - 1))
        return future
