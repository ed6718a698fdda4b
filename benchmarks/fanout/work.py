"""The branches that every contender runs, and how fast they could be run at best."""

from __future__ import annotations

import asyncio
import heapq
import math
import random
from collections.abc import Awaitable, Callable, Sequence

MEAN_S = 0.2
SIGMA = 0.6
FAILS_EVERY = 100

Branch = Callable[[int], Awaitable[int]]
Results = Sequence[int | BaseException]


class BranchFailed(Exception):
    """What every hundredth branch raises."""


def latencies(count: int, *, seed: int = 7) -> list[float]:
    """``count`` lognormal seconds with a mean of ``MEAN_S``, the same in every process."""
    mu = math.log(MEAN_S) - SIGMA**2 / 2
    draw = random.Random(seed).lognormvariate
    return [draw(mu, SIGMA) for _ in range(count)]


def yielding() -> Branch:
    """Branches without latency: one turn of the event loop each."""

    async def branch(index: int) -> int:
        await asyncio.sleep(0)
        return _value(index)

    return branch


def sleeping(count: int) -> Branch:
    """Branches with lognormal latency."""
    seconds = latencies(count)

    async def branch(index: int) -> int:
        await asyncio.sleep(seconds[index])
        return _value(index)

    return branch


def check(results: Results, count: int) -> None:
    """Order kept, nothing lost, every failure in its place."""
    assert len(results) == count, f"{len(results)} results of {count}"
    for index, result in enumerate(results):
        fails = index % FAILS_EVERY == FAILS_EVERY - 1
        assert isinstance(result, BranchFailed) if fails else result == 2 * index + 1, (index, result)


def list_schedule_s(seconds: Sequence[float], cap: int) -> float:
    """The wall clock of an engine that costs nothing: each branch, in order, starts when the first slot is free.

    slot 1  |--0--|---2---|--4-|
    slot 2  |----1----|-3-|
    """
    slots = list(seconds[:cap])
    heapq.heapify(slots)
    end = max(slots)
    for latency in seconds[cap:]:
        free_at = heapq.heappop(slots) + latency
        end = max(end, free_at)
        heapq.heappush(slots, free_at)
    return end


def _value(index: int) -> int:
    if index % FAILS_EVERY == FAILS_EVERY - 1:
        raise BranchFailed(index)
    return 2 * index + 1
