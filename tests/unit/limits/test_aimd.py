"""A rate that finds its own level."""

from __future__ import annotations

import pytest

from shared_agent.limits import aimd
from shared_agent.limits.codec import UNUSED, Observe, Reserve, Settle, Shape, State, Throttle
from shared_agent.limits.machine import transact

ONE = (1.0, 0.0, 0.0)
SHAPE = Shape((1.0, 0.0, 0.0), 15.0, False, True)


def busy_state(now: float) -> State:
    """A limit at which callers wait for the next hours."""
    state = State()
    transact(SHAPE, state, [Reserve(ONE)] * 10_000, now)
    return state


def test_the_rate_rises_by_the_starting_rate_in_a_minute_however_many_calls_succeed():
    for successes in (1, 50):
        state, now = busy_state(1000.0), 1000.0
        for _ in range(60):
            now += 1.0
            reply = transact(SHAPE, state, [Settle(ONE, ONE, now)] * successes, now)
        assert reply.rates[0] == pytest.approx(2.0)


def test_the_rate_does_not_rise_while_nobody_waits_nor_for_a_cancelled_call():
    idle = State()
    assert transact(SHAPE, idle, [Reserve(ONE), Settle(ONE, ONE, 1000.0)], 1000.0).rates[0] == 1.0
    busy = busy_state(1000.0)
    assert transact(SHAPE, busy, [Settle(ONE, UNUSED, 1000.0)], 1000.0).rates[0] == 1.0


def test_an_overload_answered_to_many_calls_in_flight_halves_once():
    state = State()
    assert transact(SHAPE, state, [Throttle(0.0)] * 30, 1000.0).rates[0] == 0.5
    assert transact(SHAPE, state, [Throttle(0.0)], 1000.0 + aimd.HALVE_EVERY_S).rates[0] == 0.25


def test_the_rate_stays_within_its_floor_and_ceiling():
    state = State()
    for step in range(50):
        lowest = transact(SHAPE, state, [Throttle(0.0)], 1000.0 + step * aimd.HALVE_EVERY_S)
    assert lowest.rates[0] == pytest.approx(1 / aimd.RANGE)
    state, now = busy_state(0.0), 0.0
    state.rates[0], state.last = 99.99, 1e9
    for _ in range(60):
        now += 1.0
        highest = transact(SHAPE, state, [Settle(ONE, ONE, now)], now)
    assert highest.rates[0] == aimd.RANGE


def test_a_single_request_is_admitted_however_low_the_rate_falls():
    state = State()
    state.rates[0] = 0.01
    assert transact(SHAPE, state, [Reserve(ONE)], 1000.0).answers == [1000.0]


def test_a_published_quota_lowers_the_rate_but_does_not_raise_it():
    state = State()
    unsaid = (-1.0, -1.0, -1.0)
    assert transact(SHAPE, state, [Observe((0.5, -1.0, -1.0), unsaid)], 1000.0).rates[0] == 0.5
    assert transact(SHAPE, state, [Observe((5.0, -1.0, -1.0), unsaid)], 1000.0).rates[0] == 0.5
