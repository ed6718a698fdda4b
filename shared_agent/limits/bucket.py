"""Several token buckets filled at once by tickets that are granted in order: the arithmetic, without any I/O.

Tickets 1, 2, … are granted at g_1 <= g_2 <= … and take c_k seconds' worth of a dimension (units / rate). In max-plus
terms the classical GCRA horizon (the time at which the bucket will be full again) is

    T  =  max over j of  h_j ,        h_j  =  g_j + c_j + c_{j+1} + … + c_last

h_j is the horizon "had everything before ticket j been free". The next ticket is granted as soon as it leaves the
horizon no more than one full bucket ahead (B = capacity / rate seconds):

    g  =  max(now, last, hold, max over dimensions of  T + c - B)

    horizon
       │        ╭── h_1: ticket 1 met a full bucket ...............  T = the highest stair
       │   ╭────╯
       │ ──╯  ╭──── h_4: what the tickets from 4 on alone account for
       └──────┴──────────────────────► time        a refund for ticket k lowers the stairs that begin at or before g_k

Why keep the stairs rather than their maximum: a refund for ticket k must lower h_j only for j <= k. Whoever subtracts it
from T alone gives it out twice: once by the bucket that was already full since, once by the subtraction.

The bound. When ticket m is placed, for every j <= m: g_m >= g_j + (c_j + … + c_m) - B with the amounts then known.
Refunds only lower amounts afterwards, so for any interval of T seconds, in every dimension, what the tickets granted in it
have finally used (all of it, for those not settled) is at most

    capacity + rate * T

The same holds for reserved minus refunded with each refund counted at its own time. Debt (a call that used more than it
reserved) is paid by later tickets: it counts from its settlement on, and the bound does not include it.

A stair that is not above a later one is dropped: no refund can make it the highest again. Stairs within one slot (an
eighth of the burst) are merged to the later position and the higher horizon, and of more than ``MAX_STAIRS`` the two
oldest are: both only forget refunds, never grants. A bucket that is not saturated has one stair.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import floor

Stairs = list[list[float]]

MAX_STAIRS = 128
SLOTS_PER_BURST = 8.0


def horizon(stairs: Stairs) -> float:
    """When the bucket is full again, in seconds of the store's clock."""
    return stairs[0][1] if stairs else 0.0


def earliest(
    stairs: Sequence[Stairs],
    cost: Sequence[float],
    rates: Sequence[float],
    capacities: Sequence[float],
    start: float,
) -> float:
    """The first time from ``start`` on at which ``cost`` fits into every limited dimension."""
    at = start
    for dimension, rate in enumerate(rates):
        amount = cost[dimension]
        if rate > 0 and amount > 0:
            fits = horizon(stairs[dimension]) + (amount - capacities[dimension]) / rate
            at = max(at, fits)
    return at


def charge(stairs: Sequence[Stairs], cost: Sequence[float], rates: Sequence[float], burst_s: float, at: float) -> None:
    """Take ``cost`` at the time ``at``, which is not before any earlier ticket's."""
    for dimension, rate in enumerate(rates):
        if rate > 0 and cost[dimension] > 0:
            _climb(stairs[dimension], at, cost[dimension] / rate, burst_s / SLOTS_PER_BURST)


def settle(stairs: Sequence[Stairs], change: Sequence[float], rates: Sequence[float], at: float) -> None:
    """Add ``change`` units (negative: a refund) to what the ticket granted at ``at`` takes."""
    for dimension, rate in enumerate(rates):
        if rate > 0 and change[dimension] < 0:
            _refund(stairs[dimension], at, -change[dimension] / rate)
        elif rate > 0 and change[dimension] > 0:
            for stair in stairs[dimension]:
                stair[1] += change[dimension] / rate


def rescale(stairs: Stairs, old_rate: float, new_rate: float, now: float) -> None:
    """Keep the units owed when the rate changes: the seconds they take become longer or shorter."""
    ratio = old_rate / new_rate
    for stair in stairs:
        origin = max(now, stair[0])
        if stair[1] > origin:
            stair[1] = origin + (stair[1] - origin) * ratio
    _prune(stairs)


def drain(stairs: Stairs, remaining: float, rate: float, capacity: float, now: float) -> None:
    """The provider has only ``remaining`` units left: raise the horizon to match, never lower it.

    Tickets that are granted later than now are not in the provider's figure, so they stay on top of it.
    """
    if remaining >= capacity:
        return
    ahead_s = next((stair[1] - stair[0] for stair in stairs if stair[0] > now), 0.0)
    needed = now + (capacity - remaining) / rate + ahead_s
    if not stairs:
        stairs.append([now, needed])
    elif stairs[0][1] < needed:
        stairs[0][1] = needed


def _climb(stairs: Stairs, at: float, seconds: float, slot_s: float) -> None:
    for stair in stairs:
        stair[1] += seconds
    top = at + seconds
    while stairs and stairs[-1][1] <= top:
        stairs.pop()
    if stairs and floor(stairs[-1][0] / slot_s) == floor(at / slot_s):
        stairs[-1][0] = at
    else:
        stairs.append([at, top])
    if len(stairs) > MAX_STAIRS:
        stairs[1][1] = stairs[0][1]
        del stairs[0]


def _refund(stairs: Stairs, at: float, seconds: float) -> None:
    for stair in stairs:
        if stair[0] > at:
            break
        stair[1] -= seconds
    _prune(stairs)


def _prune(stairs: Stairs) -> None:
    highest = float("-inf")
    for index in range(len(stairs) - 1, -1, -1):
        if stairs[index][1] <= highest:
            del stairs[index]
        else:
            highest = stairs[index][1]
