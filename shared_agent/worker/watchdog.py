"""Timeouts for many concurrent awaits of the same length, on one timer.

    deadlines (FIFO, because every guard has the same length)
      ├─ guard 1 ─ done ✓ ─┐
      ├─ guard 2 ──────────┼─► timer at the first deadline that still runs
      └─ guard 3 ──────────┘

``asyncio.timeout`` arms and disarms one timer an await; with thousands of branches that is most of a branch's cost. Here
entering and leaving is an append and a flag. A guard that is due is not cancelled at once but a few turns of the loop later:
after a stall, work that has finished in the meantime still gets to return its result instead of a timeout, through a task
or two that wait for one another.
"""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType

_GRACE_TURNS = 6
_LEFT_BEHIND = 1024


class Watchdog:
    """Guards of ``timeout_s`` seconds each. ``async with`` is not needed: ``with watchdog.guard(): await …``."""

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._guards: deque[Guard] = deque()
        self._inside = 0
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def guard(self) -> Guard:
        """A context manager that cancels the current task's await after the timeout and raises TimeoutError."""
        return Guard(self)

    def watch(self, guard: Guard) -> None:
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        guards = self._guards
        while guards and guards[0].left:
            guards.popleft()
        if len(guards) > 2 * self._inside + _LEFT_BEHIND:
            # One slow guard at the head would otherwise hold back all that were left behind it.
            guards = self._guards = deque(other for other in guards if not other.left)
        guard.deadline = loop.time() + self.timeout_s
        guards.append(guard)
        self._inside += 1
        if self._timer is None:
            self._timer = loop.call_at(guards[0].deadline, self._due)

    def leave(self) -> None:
        self._inside -= 1

    def _due(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        now = loop.time()
        guards = self._guards
        while guards:
            first = guards[0]
            if not first.left and first.deadline > now:
                self._timer = loop.call_at(first.deadline, self._due)
                return
            guards.popleft()
            if not first.left:
                loop.call_soon(first.expire, loop, _GRACE_TURNS)


class Guard:
    """One guarded block; see :meth:`Watchdog.guard`."""

    __slots__ = ("_cancelling", "_dog", "_task", "deadline", "expired", "left")

    def __init__(self, dog: Watchdog) -> None:
        self._dog = dog
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self.deadline = 0.0
        self.left = False
        self.expired = False

    def __enter__(self) -> Guard:
        self._task = asyncio.current_task()
        self._cancelling = self._task.cancelling() if self._task is not None else 0
        self._dog.watch(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.left = True
        self._dog.leave()
        task, self._task = self._task, None
        if not self.expired or task is None:
            return
        others_cancelled_too = task.uncancel() > self._cancelling
        if kind is asyncio.CancelledError and not others_cancelled_too:
            raise TimeoutError(f"no result within {self._dog.timeout_s:g} s") from error

    def expire(self, loop: asyncio.AbstractEventLoop, turns: int) -> None:
        """Cancel the guarded block ``turns`` turns of the loop from now, unless it is left in the meantime."""
        if self.left or self._task is None:
            return
        if turns:
            loop.call_soon(self.expire, loop, turns - 1)
        else:
            self.expired = True
            self._task.cancel()
