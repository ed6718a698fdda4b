"""Strict mode: no sliding minute above the quota."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from shared_agent.limits.codec import Observe, Reserve, Shape, State
from shared_agent.limits.machine import transact
from shared_agent.limits.strict import SLOT_S, WINDOW_S
from tests.unit.limits.reference import History, play, steps, worst_minute

SHAPE = Shape((10 / 60, 100 / 60, 80 / 60), 15.0, True)
QUOTA = (10.0, 100.0, 80.0)


@settings(max_examples=400, deadline=None)
@given(steps)
def test_no_sliding_minute_holds_more_than_the_quota(script):
    history = History(SHAPE)
    play(history, script)
    for held, quota in zip(worst_minute(history), QUOTA, strict=True):
        assert held <= quota + 1e-5
    grants = [grant.at for grant in history.grants]
    assert grants == sorted(grants)


def test_grants_that_share_an_entry_leave_the_window_together():
    history = History(SHAPE)
    history.now = 1.7e9
    history.reserve((1.0, 50.0, 0.0))
    history.wait(SLOT_S * 0.8)
    history.reserve((1.0, 50.0, 0.0))
    second = history.now
    assert history.reserve((1.0, 100.0, 0.0)) >= second + WINDOW_S


def test_the_next_request_waits_for_as_many_as_it_needs_to_leave_the_window():
    history = History(SHAPE)
    start = history.now
    history.reserve((1.0, 60.0, 0.0))
    history.wait(10.0)
    history.reserve((1.0, 40.0, 0.0))
    assert history.reserve((1.0, 50.0, 0.0)) == pytest.approx(start + WINDOW_S)
    assert history.reserve((1.0, 30.0, 0.0)) == pytest.approx(start + WINDOW_S + 10.0)


def test_a_refund_within_the_minute_makes_room_at_once():
    history = History(SHAPE)
    history.reserve((1.0, 100.0, 0.0))
    history.wait(5.0)
    history.settle(0, 0.5)
    assert history.reserve((1.0, 50.0, 0.0)) == history.now


def test_a_saturated_strict_limit_uses_its_quota():
    history = History(Shape((0.0, 1000 / 60, 0.0), 15.0, True))
    start = history.now
    while history.now < start + 600:
        history.now = max(history.now, history.reserve((1.0, 7.0, 0.0)))
    assert sum(grant.used[1] for grant in history.grants) >= 0.99 * 1000 / 60 * 600


def test_the_log_stays_small_at_any_rate():
    history = History(Shape((1000.0, 0.0, 0.0), 15.0, True))
    for _ in range(20_000):
        history.reserve((1.0, 0.0, 0.0))
        history.wait(0.005)
    assert len(history.state.window) <= WINDOW_S / SLOT_S + 2


def test_what_the_provider_counted_and_we_did_not_is_logged():
    state = State()
    transact(SHAPE, state, [Observe((-1.0, -1.0, -1.0), (-1.0, 30.0, -1.0))], 1000.0)
    assert transact(SHAPE, state, [Reserve((1.0, 30.0, 0.0))], 1000.0).answers == [1000.0]
    assert transact(SHAPE, state, [Reserve((1.0, 1.0, 0.0))], 1000.0).answers == [1060.0]
