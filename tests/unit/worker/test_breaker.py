"""The circuit breaker, on a clock that the test turns and many workers that share it."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_agent.errors import BreakerOpen
from shared_agent.stores.memory import MemoryState
from shared_agent.worker.breaker import REFRESH_S, Breaker, Breakers

MODEL = "provider:model"


class Town:
    """Workers on one store and one clock."""

    def __init__(self, workers: int, *, failures: int = 3, cooldown_s: float = 10.0) -> None:
        self.now = 1000.0
        store = MemoryState(clock=lambda: self.now)
        self.workers = [Breakers(store, failures=failures, cooldown_s=cooldown_s) for _ in range(workers)]

    async def admitted(self) -> list[Breakers]:
        through: list[Breakers] = []
        for worker in self.workers:
            try:
                await worker.before(MODEL, self.now)
            except BreakerOpen as error:
                assert 0 < error.retry_after_s <= 10.0
            else:
                through.append(worker)
        return through


async def test_failures_in_a_row_open_it_for_every_worker_within_the_refresh_time() -> None:
    town = Town(5)
    assert len(await town.admitted()) == 5
    for worker in town.workers[:3]:
        await worker.failed(MODEL)
    town.now += REFRESH_S
    assert await town.admitted() == []


async def test_a_success_between_failures_keeps_it_closed() -> None:
    town = Town(1)
    (worker,) = town.workers
    for _ in range(10):
        await worker.failed(MODEL)
        await worker.failed(MODEL)
        await worker.succeeded(MODEL)
    town.now += REFRESH_S
    assert await town.admitted() == [worker]


async def test_after_the_cooldown_one_worker_probes_and_the_others_wait_for_its_answer() -> None:
    town = Town(20)
    for _ in range(3):
        await town.workers[0].failed(MODEL)
    town.now += 10.0
    probing = await town.admitted()
    assert len(probing) == 1
    town.now += 5.0
    assert await town.admitted() == []
    await probing[0].succeeded(MODEL)
    assert len(await town.admitted()) == 20


async def test_a_probe_that_fails_opens_it_for_another_cooldown() -> None:
    town = Town(4)
    for _ in range(3):
        await town.workers[0].failed(MODEL)
    town.now += 10.0
    (probing,) = await town.admitted()
    town.now += 1.0
    await probing.failed(MODEL)
    town.now += 9.9
    assert await town.admitted() == []
    town.now += 0.1
    assert len(await town.admitted()) == 1


async def test_a_probe_that_never_answers_is_followed_by_another() -> None:
    town = Town(4)
    for _ in range(3):
        await town.workers[0].failed(MODEL)
    town.now += 10.0
    assert len(await town.admitted()) == 1
    town.now += 10.0
    assert len(await town.admitted()) == 1


async def test_targets_do_not_share_a_breaker() -> None:
    town = Town(1)
    for _ in range(3):
        await town.workers[0].failed("tool:weather")
    town.now += REFRESH_S
    assert await town.admitted() == town.workers
    with pytest.raises(BreakerOpen, match="tool:weather"):
        await town.workers[0].before("tool:weather", town.now)


@given(
    events=st.lists(st.tuples(st.sampled_from(["fail", "probe", "wait"]), st.floats(0.0, 30.0)), max_size=40),
    threshold=st.integers(1, 6),
)
def test_it_is_open_exactly_after_enough_failures_and_lets_one_probe_a_cooldown_through(
    events: list[tuple[str, float]], threshold: int
) -> None:
    now, state, failures, last_way_in = 0.0, Breaker(), 0, float("-inf")
    for event, amount in events:
        if event == "wait":
            now += amount
        elif event == "fail":
            state, failures = state.failed(now, threshold), failures + 1
            assert (state.opened_at is not None) == (failures >= threshold)
            last_way_in = now if state.opened_at is not None else last_way_in
        elif state.opened_at is not None and state.wait_s(now, 10.0) == 0.0:
            assert now >= last_way_in + 10.0 - 1e-9
            state, last_way_in = state.probing(now, 10.0), now


async def test_a_closed_breaker_asks_the_store_at_most_once_a_refresh_time() -> None:
    reads = 0

    class Counting(MemoryState):
        async def update(self, *args, **kwargs):  # type: ignore[no-untyped-def]
            nonlocal reads
            reads += 1
            return await super().update(*args, **kwargs)

    breakers = Breakers(Counting(), failures=3, cooldown_s=10)
    for tick in range(1000):
        await breakers.before(MODEL, 1000.0 + tick / 1000)
        await breakers.succeeded(MODEL)
    await asyncio.sleep(0)
    assert reads == 1
