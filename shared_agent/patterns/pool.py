"""A bounded pool over a lazy source: the scheduler under every fan-out.

    source (lazy) ──► take ──► task ─┐ at most `cap` at once
    submit() ───────► ready ─► task ─┤
                                     └─ done ──► on_done(item, result | error) ──► may submit more

One coordinator owns all state: branches run as asyncio tasks and only report that they have ended, so nothing is locked and
nothing is polled. The source is read no further than a branch can start, so memory follows the cap and not the input.
Work that was submitted while running (reductions, redeliveries) waits behind the source until ``cap`` of it has piled up,
and then goes first: that keeps the wide stage busy and the backlog bounded.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
)
from typing import Any, Generic, TypeVar

from shared_agent.patterns.collector import passes_every

T = TypeVar("T")
R = TypeVar("R")

_OBJECTS_A_BRANCH = 10
"""How many new objects for each branch in flight the garbage collector lets pass before it looks at them."""

OnDone = Callable[[T, R | None, BaseException | None], None]
"""Told of each ended branch: the item with its result or its error (CancelledError when it was cancelled)."""


class Pool(Generic[T, R]):
    """Runs ``run(item)`` for every item of ``source`` and of :meth:`submit`, at most ``cap`` at once.

    ``on_done`` is called from the event loop for each branch that ended; what it raises ends the pool. An asynchronous
    source is read one item ahead, by one reader.
    """

    def __init__(
        self,
        run: Callable[[T], Coroutine[Any, Any, R]],
        source: Iterable[T] | AsyncIterable[T],
        *,
        cap: int,
        on_done: OnDone[T, R],
    ) -> None:
        self._run = run
        self._cap = cap
        self._on_done = on_done
        self._ready: deque[T] = deque()
        self._delayed: dict[int, tuple[asyncio.TimerHandle, T]] = {}
        self._tickets = 0
        self._running: dict[asyncio.Task[R], T] = {}
        self._sync: Iterator[T] | None = None
        self._async: AsyncIterator[T] | None = None
        self._ahead: deque[T] = deque()
        self._reader: asyncio.Task[None] | None = None
        self._wants_more = asyncio.Event()
        self._finished: asyncio.Future[None] | None = None
        # One for every branch: a bound method and a copy of the context each would be two more objects a branch.
        self._when_ended = self._ended
        self._context: contextvars.Context | None = None
        self._create_task: Callable[[Coroutine[Any, Any, R]], asyncio.Task[R]] = asyncio.create_task
        if isinstance(source, AsyncIterable):
            self._async = aiter(source)
        else:
            self._sync = iter(source)

    @property
    def in_flight(self) -> int:
        """Branches running now."""
        return len(self._running)

    def running(self) -> list[T]:
        """The items whose branches are running now."""
        return list(self._running.values())

    def submit(self, item: T, *, delay_s: float = 0.0) -> None:
        """Add an item while the pool runs, to be started no earlier than ``delay_s`` seconds from now."""
        if delay_s > 0:
            self._tickets += 1
            timer = asyncio.get_running_loop().call_later(delay_s, self._mature, self._tickets)
            self._delayed[self._tickets] = (timer, item)
        else:
            self._ready.append(item)
            self._pump()

    def stop_source(self) -> None:
        """Take nothing more from the source; what runs or was submitted goes on."""
        self._sync = None
        self._async = None
        self._ahead.clear()
        if self._reader is not None:
            self._reader.cancel()
        self._pump_soon()

    def drop(self, which: Callable[[T], bool] = lambda item: True) -> None:
        """Forget the submitted items that have not started and for which ``which`` holds."""
        self._ready = deque(item for item in self._ready if not which(item))
        for ticket, (timer, item) in list(self._delayed.items()):
            if which(item):
                timer.cancel()
                del self._delayed[ticket]
        self._pump_soon()

    def cancel(self, which: Callable[[T], bool] = lambda item: True) -> None:
        """Drop what waits and cancel what runs, for which ``which`` holds."""
        self.drop(which)
        for task, item in list(self._running.items()):
            if which(item):
                task.cancel()

    async def join(self) -> None:
        """Run until nothing is left. When this is cancelled, the branches are cancelled and awaited."""
        loop = asyncio.get_running_loop()
        self._finished = loop.create_future()
        self._create_task = loop.create_task
        self._context = contextvars.copy_context()
        if self._async is not None:
            self._reader = loop.create_task(self._read(self._async))
            self._reader.add_done_callback(self._reader_done)
        try:
            with passes_every(_OBJECTS_A_BRANCH * self._cap):
                self._pump()
                await self._finished
        finally:
            self.stop_source()
            self.drop()
            left = list(self._running)
            for task in left:
                task.cancel()
            readers = [self._reader] if self._reader is not None else []
            if left or readers:
                await asyncio.wait([*left, *readers])

    def _pump(self) -> None:
        """Start branches while there is room and work; notice the end."""
        finished = self._finished
        if finished is None or finished.done():
            return
        try:
            self._start()
        except BaseException as raised:
            self._fail(raised)
            return
        if self._running or self._ready or self._delayed or self._ahead:
            return
        if self._sync is None and self._async is None:
            finished.set_result(None)

    def _pump_soon(self) -> None:
        """Notice the end once the caller, who has just taken work away, had the chance to submit other work."""
        if self._finished is not None and not self._finished.done():
            self._finished.get_loop().call_soon(self._pump)

    def _start(self) -> None:
        while len(self._running) < self._cap:
            if self._ready and len(self._ready) >= self._cap:
                item = self._ready.popleft()
            elif self._ahead:
                item = self._ahead.popleft()
                self._wants_more.set()
            elif self._sync is not None:
                try:
                    item = next(self._sync)
                except StopIteration:
                    self._sync = None
                    continue
            elif self._ready:
                item = self._ready.popleft()
            else:
                break
            task = self._create_task(self._run(item))
            self._running[task] = item
            task.add_done_callback(self._when_ended, context=self._context)

    def _ended(self, task: asyncio.Task[R]) -> None:
        item = self._running.pop(task)
        try:
            if task.cancelled():
                self._on_done(item, None, asyncio.CancelledError())
            elif (error := task.exception()) is not None:
                self._on_done(item, None, error)
            else:
                self._on_done(item, task.result(), None)
        except BaseException as raised:
            self._fail(raised)
        self._pump()

    def _mature(self, ticket: int) -> None:
        _, item = self._delayed.pop(ticket)
        self._ready.append(item)
        self._pump()

    async def _read(self, source: AsyncIterator[T]) -> None:
        try:
            async for item in source:
                self._ahead.append(item)
                self._pump()
                while len(self._ahead) > 1 and self._async is not None:
                    self._wants_more.clear()
                    await self._wants_more.wait()
        finally:
            if isinstance(source, AsyncGenerator):
                await source.aclose()
        self._async = None
        self._pump()

    def _reader_done(self, reader: asyncio.Task[None]) -> None:
        if not reader.cancelled() and (error := reader.exception()) is not None:
            self._async = None
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if self._finished is not None and not self._finished.done():
            self._finished.set_exception(error)


async def gather_bounded(
    run: Callable[[T], Coroutine[Any, Any, R]], items: Iterable[T] | AsyncIterable[T], *, cap: int
) -> list[R | BaseException]:
    """``asyncio.gather(..., return_exceptions=True)`` with at most ``cap`` at once; results in input order."""
    results: list[Any] = []

    def start(place: tuple[int, T]) -> Coroutine[Any, Any, R]:
        return run(place[1])

    def keep(place: tuple[int, T], result: R | None, error: BaseException | None) -> None:
        results[place[0]] = error if error is not None else result

    placed = _place_async(items, results) if isinstance(items, AsyncIterable) else _place(items, results)
    await Pool(start, placed, cap=cap, on_done=keep).join()
    return results


def _place(items: Iterable[T], results: list[Any]) -> Iterator[tuple[int, T]]:
    """Make a place for the result of each item as it is taken."""
    for item in items:
        results.append(None)
        yield len(results) - 1, item


async def _place_async(items: AsyncIterable[T], results: list[Any]) -> AsyncIterator[tuple[int, T]]:
    async for item in items:
        results.append(None)
        yield len(results) - 1, item
