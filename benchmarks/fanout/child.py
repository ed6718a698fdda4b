"""One measurement: ``python -m benchmarks.fanout.child CONTENDER N CAP zero|lognormal``."""

from __future__ import annotations

import asyncio
import sys

from benchmarks.fanout.contenders import CONTENDERS
from benchmarks.fanout.work import check, sleeping, yielding
from benchmarks.measure import Sample, hand_over, sampled

_WARM_UP = 50


async def measure(name: str, count: int, cap: int, latency: str) -> Sample:
    """Run the contender once to warm up, and once to be measured; its results are checked afterwards."""
    contender = CONTENDERS[name]
    await contender(yielding(), _WARM_UP, cap)
    branch = sleeping(count) if latency == "lognormal" else yielding()
    with sampled() as sample:
        results = await contender(branch, count, cap)
    if results:
        check(results, count)
    return sample


if __name__ == "__main__":
    hand_over(asyncio.run(measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])))
