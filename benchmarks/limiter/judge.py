"""From logs to figures."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.limiter.contenders import CAPACITY, RATE
from benchmarks.limiter.workload import Call, Log

ROUNDING = 1e-6


@dataclass
class Row:
    """One contender's figures; times in seconds, overshoot as a share of the capacity."""

    name: str
    used: float
    over_granted: float | None
    over_seen: float
    large_max: float
    large_is_waiting: bool
    small_p99: float
    trips: float
    ahead_share: float
    cpu_ms: float
    grants: int


def judge(name: str, logs: list[Log], warm: float, end: float) -> Row:
    """The figures of the calls that came through between ``warm`` and ``end`` on the monotonic clock."""
    calls = [call for log in logs for call in log.calls]
    done = [call for call in calls if call.through is not None and warm <= call.through < end]
    waiting = [call for call in calls if call.through is None]
    waits = {
        large: [c.through - c.asked for c in done if c.large == large and c.through is not None]
        + [end - c.asked for c in waiting if c.large == large]
        for large in (True, False)
    }
    stuck = max((end - c.asked for c in waiting if c.large), default=0.0)
    granted = [call for call in calls if call.granted is not None]
    seen = [call for call in calls if call.through is not None]
    grants = max(1, len(done))
    return Row(
        name=name,
        used=_used(done),
        over_granted=_overshoot([(c.granted, _counted(c)) for c in granted if c.granted]) if granted else None,
        over_seen=_overshoot([(c.through, _counted(c)) for c in seen if c.through]),
        large_max=max(waits[True], default=0.0),
        large_is_waiting=stuck >= max(waits[True], default=0.0),
        small_p99=_percentile(waits[False], 0.99),
        trips=sum(log.round_trips for log in logs) / max(1, sum(1 for call in calls if warm <= call.asked < end)),
        ahead_share=sum(1 for c in done if c.process % 2) / grants,
        cpu_ms=1000 * sum(log.cpu_s for log in logs) / grants,
        grants=len(done),
    )


def _used(done: list[Call]) -> float:
    """Use over quota from the first to the last grant: what the last one had to wait for counts, the first does not."""
    ordered = sorted((call.granted or call.through or 0.0, call.actual) for call in done)
    if len(ordered) < 2:
        return 0.0
    return sum(actual for _, actual in ordered[1:]) / (RATE * (ordered[-1][0] - ordered[0][0]))


def _counted(call: Call) -> float:
    """What the limiter was told at most: a limiter that cannot settle was told the estimate."""
    return call.reserved if call.granted is None else min(call.reserved, call.actual)


def _overshoot(grants: list[tuple[float, float]]) -> float:
    """The most by which any interval exceeds capacity + rate * T, over the capacity."""
    worst = head = float("-inf")
    total = 0.0
    for at, amount in sorted(grants):
        head = max(head, RATE * at - total)
        total += amount
        worst = max(worst, total - RATE * at + head - CAPACITY)
    return worst / CAPACITY


def _percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
