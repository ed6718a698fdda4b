"""The bounded pool: any source, any order of completion, any error."""

from __future__ import annotations

import asyncio
import random
import time
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_agent.patterns.pool import Pool, gather_bounded

SOURCES = ["sync", "async"]


class Watch:
    """A branch function that knows how many of it run, and a source that knows how far it was read."""

    def __init__(self, seed: int = 0) -> None:
        self.running = self.most = self.read = self.started = self.ended = self.furthest_ahead = 0
        self.cancelled: list[int] = []
        self._random = random.Random(seed)

    async def run(self, item: int) -> int:
        self.started += 1
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            for _ in range(self._random.randrange(6)):
                await asyncio.sleep(0)
            return item * item
        except asyncio.CancelledError:
            self.cancelled.append(item)
            raise
        finally:
            self.running -= 1
            self.ended += 1

    def source(self, kind: str, size: int) -> Any:
        return self._sync(size) if kind == "sync" else self._async(size)

    def _note(self) -> None:
        self.read += 1
        self.furthest_ahead = max(self.furthest_ahead, self.read - self.ended)

    def _sync(self, size: int) -> Iterator[int]:
        for item in range(size):
            self._note()
            yield item

    async def _async(self, size: int) -> AsyncIterator[int]:
        for item in range(size):
            if item % 3 == 0:
                await asyncio.sleep(0)
            self._note()
            yield item


@given(cap=st.integers(1, 20), size=st.integers(0, 80), kind=st.sampled_from(SOURCES), seed=st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_every_item_runs_once_within_the_cap_and_the_source_is_read_lazily(
    cap: int, size: int, kind: str, seed: int
) -> None:
    watch = Watch(seed)
    done: dict[int, int | None] = {}

    async def scenario() -> None:
        await Pool(watch.run, watch.source(kind, size), cap=cap, on_done=lambda i, r, e: done.update({i: r})).join()

    asyncio.run(scenario())
    assert done == {item: item * item for item in range(size)}
    assert watch.started == size
    assert watch.most <= cap
    assert watch.furthest_ahead <= cap + 2


@given(delays=st.lists(st.integers(0, 5), max_size=30), cap=st.integers(1, 8), kind=st.sampled_from(SOURCES))
@settings(max_examples=40, deadline=None)
def test_gather_bounded_keeps_the_order_and_every_error(delays: list[int], cap: int, kind: str) -> None:
    async def run(number: int) -> int:
        for _ in range(delays[number]):
            await asyncio.sleep(0)
        if number % 3 == 2:
            raise ValueError(number)
        return number

    watch = Watch()
    results = asyncio.run(_gather(run, watch.source(kind, len(delays)), cap))
    assert [error.args[0] if isinstance(error, ValueError) else error for error in results] == list(range(len(delays)))


async def _gather(run: Any, items: Any, cap: int) -> list[Any]:
    return await gather_bounded(run, items, cap=cap)


@pytest.mark.parametrize("kind", SOURCES)
async def test_an_error_of_on_done_ends_the_pool_and_cancels_what_runs(kind: str) -> None:
    watch = Watch()
    others: list[int] = []

    async def run(item: int) -> None:
        if item:
            try:
                await asyncio.sleep(60)
            finally:
                others.append(item)

    def refuse(item: int, result: Any, error: BaseException | None) -> None:
        if error is None:
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        await Pool(run, watch.source(kind, 1000), cap=5, on_done=refuse).join()
    assert sorted(others) == [1, 2, 3, 4]


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("good", [0, 1, 7])
async def test_a_source_that_fails_ends_the_pool_with_its_error(kind: str, good: int) -> None:
    def broken() -> Iterator[int]:
        yield from range(good)
        raise OSError("disk")

    async def broken_async() -> AsyncIterator[int]:
        for item in range(good):
            yield item
        raise OSError("disk")

    watch = Watch()
    source = broken() if kind == "sync" else broken_async()
    with pytest.raises(OSError, match="disk"):
        await asyncio.wait_for(Pool(watch.run, source, cap=2, on_done=lambda *_: None).join(), 5)
    assert watch.running == 0


async def test_a_source_that_fails_when_a_delayed_item_makes_room_ends_the_pool() -> None:
    def source() -> Iterator[int]:
        yield 0
        raise OSError("disk")

    def on_done(item: int, result: Any, error: BaseException | None) -> None:
        pass

    watch = Watch()
    pool = Pool(watch.run, source(), cap=1, on_done=on_done)
    pool.submit(9, delay_s=0.001)
    with pytest.raises(OSError, match="disk"):
        await asyncio.wait_for(pool.join(), 5)


@pytest.mark.parametrize("kind", SOURCES)
async def test_cancelling_the_pool_awaits_its_branches(kind: str) -> None:
    watch = Watch()
    cleaned: list[int] = []

    async def run(item: int) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.001)
            cleaned.append(item)

    joining = asyncio.create_task(Pool(run, watch.source(kind, 100), cap=4, on_done=lambda *_: None).join())
    while watch.read < 4:
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    joining.cancel()
    with pytest.raises(asyncio.CancelledError):
        await joining
    assert sorted(cleaned) == [0, 1, 2, 3]


async def test_a_left_source_is_closed() -> None:
    closed = False

    async def source() -> AsyncIterator[int]:
        nonlocal closed
        try:
            for item in range(1000):
                yield item
        finally:
            closed = True

    pool: Pool[int, int]

    def stop(item: int, result: Any, error: BaseException | None) -> None:
        pool.stop_source()

    pool = Pool(Watch().run, source(), cap=2, on_done=stop)
    await pool.join()
    assert closed


async def test_what_a_branch_submits_runs_too_and_a_delayed_item_not_before_its_time() -> None:
    seen: list[tuple[str, float]] = []
    began = time.monotonic()
    pool: Pool[str, None]

    async def run(item: str) -> None:
        seen.append((item, time.monotonic() - began))

    def on_done(item: str, result: None, error: BaseException | None) -> None:
        if item == "a":
            pool.submit("soon")
            pool.submit("later", delay_s=0.05)
            pool.submit("dropped", delay_s=0.02)
            pool.drop(lambda waiting: waiting == "dropped")

    pool = Pool(run, ["a", "b", "c"], cap=2, on_done=on_done)
    await pool.join()
    assert [item for item, _ in seen] == ["a", "b", "c", "soon", "later"]
    assert seen[-1][1] >= 0.05


@pytest.mark.parametrize("action", ["drop", "cancel", "stop_source"])
@pytest.mark.parametrize("kind", SOURCES)
async def test_taking_away_the_last_work_ends_the_pool(kind: str, action: str) -> None:
    """With nothing running there is no branch whose end would notice it."""

    async def endless() -> AsyncIterator[int]:
        yield 0
        await asyncio.Event().wait()

    watch = Watch()
    source: Any = [0] if kind == "sync" else endless()
    pool = Pool(watch.run, source, cap=2, on_done=lambda *_: None)
    joining = asyncio.create_task(pool.join())
    await asyncio.sleep(0.01)
    pool.submit(7, delay_s=3600)
    if kind == "async" or action == "stop_source":
        pool.stop_source()
    if action != "stop_source":
        getattr(pool, action)()
    else:
        pool.drop()
    await asyncio.wait_for(joining, 5)
    assert watch.started == 1


async def test_taking_work_away_and_submitting_other_work_at_once_runs_the_other() -> None:
    watch = Watch()
    done: list[int] = []
    pool = Pool(watch.run, [], cap=2, on_done=lambda item, *_: done.append(item))
    pool.submit(7, delay_s=3600)
    joining = asyncio.create_task(pool.join())
    await asyncio.sleep(0.01)
    pool.drop()
    pool.submit(8)
    await asyncio.wait_for(joining, 5)
    assert done == [8]


async def test_cancel_ends_only_what_is_asked_for() -> None:
    ended: dict[int, str] = {}

    async def run(item: int) -> int:
        await asyncio.sleep(60 if item % 2 else 0.02)
        return item

    def on_done(item: int, result: int | None, error: BaseException | None) -> None:
        ended[item] = type(error).__name__ if error else "ok"

    pool = Pool(run, range(6), cap=6, on_done=on_done)
    joining = asyncio.create_task(pool.join())
    await asyncio.sleep(0)
    pool.cancel(lambda item: item % 2 == 1)
    await asyncio.wait_for(joining, 5)
    assert ended == {0: "ok", 1: "CancelledError", 2: "ok", 3: "CancelledError", 4: "ok", 5: "CancelledError"}


async def test_submitted_work_waits_for_the_source_until_a_cap_of_it_has_piled_up() -> None:
    order: list[str] = []
    pool: Pool[str, None]

    async def run(item: str) -> None:
        order.append(item)

    def on_done(item: str, result: None, error: BaseException | None) -> None:
        if item.startswith("m"):
            pool.submit(f"r{item[1:]}")

    pool = Pool(run, [f"m{number}" for number in range(6)], cap=2, on_done=on_done)
    await pool.join()
    assert sorted(order) == sorted([f"{stage}{number}" for stage in "mr" for number in range(6)])
    backlog = 0
    for item in order:
        backlog += 1 if item.startswith("m") else -1
        assert backlog <= 2 * 2 + 1


async def test_a_slow_source_does_not_hold_up_submitted_work() -> None:
    async def slow() -> AsyncIterator[int]:
        await asyncio.sleep(0.1)
        yield 1

    done: list[int] = []
    pool = Pool(Watch().run, slow(), cap=1, on_done=lambda item, *_: done.append(item))
    pool.submit(2)
    await pool.join()
    assert done == [2, 1]


@pytest.mark.parametrize("kind", SOURCES)
async def test_a_hundred_thousand_items_take_the_memory_of_the_cap(kind: str) -> None:
    async def run(item: int) -> bytes:
        await asyncio.sleep(0)
        return b"x" * 1000

    watch = Watch()
    count = 0

    def on_done(item: int, result: Any, error: BaseException | None) -> None:
        nonlocal count
        count += 1
        watch.ended += 1

    tracemalloc.start()
    try:
        await Pool(run, watch.source(kind, 100_000), cap=100, on_done=on_done).join()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 100_000
    assert peak < 3_000_000
