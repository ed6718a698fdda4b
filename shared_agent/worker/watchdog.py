"""Timeouts for many concurrent awaits of the same length, on one timer.

    guards, oldest first (= first due, because every guard has the same length)
      ├─ guard 1 ──────────┬─► one timer, at the deadline of the first
      ├─ guard 2           ┆
      └─ guard 3           ┆   a guard that is left is forgotten at once

``asyncio.timeout`` arms and disarms one timer an await; with thousands of branches that is most of a branch's cost. Here
entering and leaving is one entry of a dict. A guard that is due is not cancelled at once but a few turns of the loop later:
after a stall, work that has finished in the meantime still gets to return its result instead of a timeout, through a task
or two that wait for one another.
"""

from __future__ import annotations

import asyncio
from types import TracebackType

_GRACE_TURNS = 6


class Watchdog:
    """Guards of ``timeout_s`` seconds each. ``async with`` is not needed: ``with watchdog.guard(): await …``."""

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        # By deadline, in event-loop seconds. Not a queue: what has been left behind a slow guard would stay in it, and at
        # ten thousand branches the garbage collector spends more on that than the branches do on themselves.
        self._guards: dict[Guard, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def guard(self) -> Guard:
        """A context manager that cancels the current task's await after the timeout and raises TimeoutError."""
        return Guard(self)

    def watch(self, guard: Guard) -> None:
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            # A program may run one event loop after another; a timer of the former never comes.
            self._loop, self._timer, self._guards = loop, None, {}
        self._guards[guard] = deadline = loop.time() + self.timeout_s
        if self._timer is None:
            self._timer = loop.call_at(deadline, self._due)

    def leave(self, guard: Guard) -> None:
        self._guards.pop(guard, None)

    def _due(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        now = loop.time()
        overdue: list[Guard] = []
        for guard, deadline in self._guards.items():
            if deadline > now:
                self._timer = loop.call_at(deadline, self._due)
                break
            overdue.append(guard)
        for guard in overdue:
            del self._guards[guard]
            loop.call_soon(guard.expire, loop, _GRACE_TURNS)


class Guard:
    """One guarded block; see :meth:`Watchdog.guard`."""

    __slots__ = ("_cancelling", "_dog", "_task", "expired")

    def __init__(self, dog: Watchdog) -> None:
        self._dog = dog
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self.expired = False

    def __enter__(self) -> Guard:
        self._task = asyncio.current_task()
        self._cancelling = self._task.cancelling() if self._task is not None else 0
        self._dog.watch(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._dog.leave(self)
        task, self._task = self._task, None
        if not self.expired or task is None:
            return
        others_cancelled_too = task.uncancel() > self._cancelling
        if kind is asyncio.CancelledError and not others_cancelled_too:
            raise TimeoutError(f"no result within {self._dog.timeout_s:g} s") from error

    def expire(self, loop: asyncio.AbstractEventLoop, turns: int) -> None:
        """Cancel the guarded block ``turns`` turns of the loop from now, unless it is left in the meantime."""
        if self._task is None:
            return
        if turns:
            loop.call_soon(self.expire, loop, turns - 1)
        else:
            self.expired = True
            self._task.cancel()
