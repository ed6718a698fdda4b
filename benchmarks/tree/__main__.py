"""Run the schedules in turn on several draws, print medians and whether the goal is met."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time

from benchmarks import goals, tree
from benchmarks.goals import Goal
from benchmarks.tree.latency import GROUP_SIZE, LEAVES, Grove
from benchmarks.tree.schedules import SCHEDULES

_OURS = "eager"
_SEED = "level barrier (seed)"


def main() -> int:
    options = goals.parser(
        "benchmarks.tree", str(tree.__doc__).partition("\n")[0], "two draws instead of seven, about 25 s"
    ).parse_args()
    print(tree.__doc__)
    free = _table(None, draws=2 if options.quick else 7)
    _table(LEAVES // GROUP_SIZE, draws=1 if options.quick else 5)
    goals.close(
        [Goal("tree: eager over the critical path, concurrency free", statistics.median(free[_OURS]), 1.02)],
        options.goals,
    )
    return 0


def _table(cap: int | None, *, draws: int) -> dict[str, list[float]]:
    """Each schedule's times over the bound, draw by draw."""
    groves = [Grove.grow(seed) for seed in range(draws)]
    seconds: dict[str, list[float]] = {name: [] for name in SCHEDULES}
    for grove in groves:
        for name, schedule in SCHEDULES.items():
            begun = time.perf_counter()
            asyncio.run(schedule(grove, cap))
            seconds[name].append(time.perf_counter() - begun)
    bounds = [grove.bound_s(cap) for grove in groves]
    over = {name: [took / bound for took, bound in zip(taken, bounds, strict=True)] for name, taken in seconds.items()}
    named = "critical path" if cap is None else "bound"
    print(
        f"\n{LEAVES:,} leaves, groups of {GROUP_SIZE}, {f'cap {cap:,}' if cap else 'concurrency free'}: {draws} draws"
    )
    print(f"{'':<26}{'seconds':>10}{'over ' + named:>20}{'less than the seed':>22}")
    print(f"{named:<26}{statistics.median(bounds):>10.2f}")
    for name, ratios in over.items():
        gain = 1 - statistics.median(ours / theirs for ours, theirs in zip(seconds[name], seconds[_SEED], strict=True))
        median = f"{statistics.median(ratios):.3f}"
        print(f"{name:<26}{statistics.median(seconds[name]):>10.2f}{median:>20}{gain:>22.0%}", flush=True)
    return over


if __name__ == "__main__":
    sys.exit(main())
