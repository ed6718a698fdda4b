"""A rate that finds its own level, for providers that publish no quota: additive increase, multiplicative decrease.

    rate
      │      /│     /│       rises by start / 60 a second (it gains the starting rate in a minute) while calls succeed
      │    /  │   /  │   /   and callers wait; falls to a half on a 429, at most once in HALVE_EVERY_S, so that one
      │  /    │ /    │ /     overload that is answered to many calls in flight counts once
      └──────────────────►

The rise is bounded by time, not by calls: a hundred concurrent successes raise no faster than one. It stays within
[start / RANGE, start * RANGE].
"""

from __future__ import annotations

RAISE_S = 60.0
LONGEST_STEP_S = 1.0
HALVE_EVERY_S = 10.0
RANGE = 100.0


def raised(rate: float, start: float, since_raise_s: float) -> float:
    """The rate after a success ``since_raise_s`` seconds after the last one that counted."""
    return min(start * RANGE, rate + start / RAISE_S * min(LONGEST_STEP_S, max(0.0, since_raise_s)))


def halved(rate: float, start: float) -> float:
    """The rate after a throttle."""
    return max(start / RANGE, rate / 2)
