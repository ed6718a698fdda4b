"""No sliding minute holds more than the quota: a log of the last minute's grants.

    quota 100        g=0: 60     g=10: 40                     next ticket of 50
    ────────────────┼──────────┼──────────────────────────────┬─────────────► time
                    0          10                             60: the 60 granted at 0 leave the window

Grants come in order, so a grant that has left the window of one ticket has left that of every later one: the head of
the log is dropped for good, at amortised O(1) a ticket. A settlement changes its own grant while that is in the window.

The bound. When a ticket is placed, the amounts then known of the minute that ends with it are at most the quota. Refunds
only lower them afterwards, so in no sliding minute have the tickets granted finally used more than the quota. Debt is
not included: it counts at its own grant's time, as far as that is still in the window.

Grants of one slot of ``SLOT_S`` share an entry that leaves with its latest: the log stays within some hundred entries
whatever the rate, for at most SLOT_S / WINDOW_S = 0.4% of the quota. The largest single request is the quota itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import floor

Window = list[list[float]]

WINDOW_S = 60.0
SLOT_S = 0.25
_ROUNDING = 1e-6


def earliest(window: Window, cost: Sequence[float], quotas: Sequence[float], start: float) -> float:
    """The first time from ``start`` on at which ``cost`` fits; forgets what has left the window by then.

    A quota of 0 means that the dimension is not limited. The ticket must then be charged at the time returned.
    """
    used = [sum(entry[1 + dimension] for entry in window) for dimension in range(len(quotas))]
    at = start
    gone = 0
    for entry in window:
        leaves_at = entry[0] + WINDOW_S
        if leaves_at > at:
            if _fits(used, cost, quotas):
                break
            at = leaves_at
        for dimension in range(len(quotas)):
            used[dimension] -= entry[1 + dimension]
        gone += 1
    del window[:gone]
    return at


def charge(window: Window, cost: Sequence[float], at: float) -> None:
    """Log ``cost`` at the time ``at``, which is not before any earlier ticket's."""
    if window and _slot(window[-1][0]) == _slot(at):
        entry = window[-1]
        entry[0] = at
        for dimension, amount in enumerate(cost):
            entry[1 + dimension] += amount
    else:
        window.append([at, *cost])


def settle(window: Window, change: Sequence[float], at: float) -> None:
    """Add ``change`` units (negative: a refund) to the entry of the ticket granted at ``at``."""
    for entry in reversed(window):
        if _slot(entry[0]) == _slot(at):
            for dimension, amount in enumerate(change):
                entry[1 + dimension] = max(0.0, entry[1 + dimension] + amount)
            return
        if entry[0] < at:
            return


def drain(window: Window, dimension: int, remaining: float, quota: float, now: float) -> None:
    """The provider has only ``remaining`` units left: log what it counted and this limit did not."""
    past = [entry for entry in window if entry[0] <= now]
    used = sum(entry[1 + dimension] for entry in past if entry[0] + WINDOW_S > now)
    missing = quota - remaining - used
    if missing <= 0:
        return
    same_slot = len(past) > 0 and _slot(past[-1][0]) == _slot(now)
    if not same_slot:
        window.insert(len(past), [now, 0.0, 0.0, 0.0])
    window[len(past) - 1 if same_slot else len(past)][1 + dimension] += missing


def _slot(at: float) -> int:
    return floor(at / SLOT_S)


def _fits(used: Sequence[float], cost: Sequence[float], quotas: Sequence[float]) -> bool:
    return all(
        quota <= 0 or amount <= 0 or taken + amount <= quota + _ROUNDING
        for taken, amount, quota in zip(used, cost, quotas, strict=True)
    )
