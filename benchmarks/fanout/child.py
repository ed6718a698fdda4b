"""One measurement: ``python -m benchmarks.fanout.child CONTENDER N CAP zero|lognormal``."""

from __future__ import annotations

import asyncio
import sys

from benchmarks.fanout.contenders import CONTENDERS
from benchmarks.fanout.work import check, sleeping, yielding
from benchmarks.measure import Sample, hand_over, sampled

_WARM_UP = 50
_LEAST_BRANCHES = 10_000
"""Without latency a short fan-out is over in milliseconds: it is run again until so many branches have been measured."""


async def measure(name: str, count: int, cap: int, latency: str) -> Sample:
    """Run the contender once to warm up, and then to be measured, its results checked; seconds of one fan-out."""
    contender = CONTENDERS[name]
    await contender(yielding(), _WARM_UP, cap)
    branch = sleeping(count) if latency == "lognormal" else yielding()
    times = 1 if latency == "lognormal" else -(-_LEAST_BRANCHES // count)
    with sampled() as sample:
        for _ in range(times):
            results = await contender(branch, count, cap)
    sample.cpu_s /= times
    sample.wall_s /= times
    if results:
        check(results, count)
    return sample


if __name__ == "__main__":
    hand_over(asyncio.run(measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])))
