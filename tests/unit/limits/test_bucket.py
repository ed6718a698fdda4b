"""The bucket's bound, order and thrift, against brute force."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_agent.limits import bucket
from shared_agent.limits.bucket import MAX_STAIRS, SLOTS_PER_BURST
from shared_agent.limits.codec import UNUSED, Observe, Reserve, Settle, Shape, State, Throttle
from shared_agent.limits.machine import capacities, transact
from tests.unit.limits.reference import (
    History,
    costs,
    play,
    steps,
    worst_excess,
    worst_reserved_less_refunded,
)

SHAPE = Shape((2.0, 3.0, 5.0), 10.0)
CAPACITY = capacities(SHAPE, SHAPE.rates)
ROUNDING_S = 1e-4


@settings(max_examples=400, deadline=None)
@given(steps)
def test_no_interval_holds_more_than_capacity_and_rate_of_what_calls_finally_used(script):
    history = History(SHAPE)
    play(history, script)
    assert worst_excess(history, CAPACITY) <= ROUNDING_S


@settings(max_examples=400, deadline=None)
@given(steps)
def test_the_bound_holds_with_the_coarsest_memory_of_the_past(script):
    with patch.multiple(bucket, MAX_STAIRS=2, SLOTS_PER_BURST=2.0):
        history = History(SHAPE)
        play(history, script)
    assert worst_excess(history, CAPACITY) <= ROUNDING_S


@settings(max_examples=200, deadline=None)
@given(steps)
def test_no_interval_holds_more_when_each_refund_counts_at_its_own_time(script):
    history = History(SHAPE)
    play(history, script)
    assert worst_reserved_less_refunded(history, CAPACITY) <= ROUNDING_S


@settings(max_examples=200, deadline=None)
@given(steps)
def test_nobody_is_granted_before_an_earlier_caller(script):
    history = History(SHAPE)
    play(history, script)
    grants = [grant.at for grant in history.grants]
    assert grants == sorted(grants)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(costs, st.floats(0.0, 5.0)), min_size=1, max_size=40))
def test_without_refunds_every_ticket_is_granted_as_early_as_the_classical_buckets_allow(requests):
    history = History(SHAPE)
    levels, at = list(CAPACITY), history.now
    for cost, pause_s in requests:
        history.wait(pause_s)
        start = max(at, history.now)
        shortest = max(
            max(0.0, (n - level) / rate - (start - at))
            for n, level, rate in zip(cost, levels, SHAPE.rates, strict=True)
        )
        granted = start + shortest
        levels = [
            min(full, level + rate * (granted - at)) - n
            for full, level, rate, n in zip(CAPACITY, levels, SHAPE.rates, cost, strict=True)
        ]
        at = granted
        assert history.reserve(cost) == pytest.approx(granted, abs=ROUNDING_S)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(costs, st.sampled_from([0.0, 0.3, 1.0])), min_size=1, max_size=40))
def test_a_refund_of_a_call_that_is_over_serves_the_next_caller_in_full(calls):
    settled, honest = History(SHAPE), History(SHAPE)
    for cost, share in calls:
        used = (cost[0], cost[1] * share, cost[2] * share)
        slot_s = SHAPE.burst_s / SLOTS_PER_BURST
        at = settled.reserve(cost)
        settled.now = max(settled.now, at)
        settled.settle(0, share)
        honest.now = settled.now
        honest.reserve(used)
        for history in (settled, honest):
            history.wait(slot_s)
    assert settled.reserve((1.0, 30.0, 30.0)) == pytest.approx(honest.reserve((1.0, 30.0, 30.0)), abs=ROUNDING_S)


def test_a_refund_that_a_full_bucket_has_made_good_already_is_not_given_twice():
    history = History(Shape((0.0, 1.0, 0.0), 10.0))
    history.reserve((1.0, 10.0, 0.0))
    history.wait(10.0)
    first = history.reserve((1.0, 10.0, 0.0))
    history.settle(0, 0.0)
    assert history.reserve((1.0, 10.0, 0.0)) == pytest.approx(first + 10.0)


def test_a_refund_within_a_merged_stair_frees_nothing_that_a_later_ticket_stands_on():
    history = History(Shape((0.0, 1.0, 0.0), 10.0))
    start = history.now
    history.reserve((1.0, 5.0, 0.0))
    history.wait(1.0)
    history.reserve((1.0, 5.0, 0.0))
    history.settle(0, 0.0)
    assert history.reserve((1.0, 10.0, 0.0)) >= start + 6.0


def test_a_debt_delays_the_next_caller_by_what_it_is_worth():
    history = History(Shape((0.0, 2.0, 0.0), 10.0))
    history.reserve((1.0, 20.0, 0.0))
    history.settle(0, 1.5)
    assert history.reserve((1.0, 4.0, 0.0)) - history.now == pytest.approx((10.0 + 4.0) / 2.0)


def test_cancelling_every_waiter_leaves_the_next_caller_no_later_than_the_last_of_them():
    history = History(SHAPE)
    for _ in range(20):
        history.reserve((1.0, 30.0, 30.0))
    last = history.grants[-1].at
    while any(grant.open and grant.at > history.now for grant in history.grants):
        history.cancel(0)
    assert history.reserve((1.0, 1.0, 1.0)) == last


def test_a_saturated_bucket_with_steady_refunds_uses_its_whole_quota():
    history = History(Shape((0.0, 10.0, 0.0), 15.0))
    start = history.now
    while history.now < start + 600:
        at = history.reserve((1.0, 10.0, 0.0))
        history.now = max(history.now, at)
        history.settle(0, 0.5)
    used = sum(grant.used[1] for grant in history.grants)
    assert used >= 0.99 * 10.0 * 600


def test_stairs_stay_few_however_many_calls_are_under_way():
    history = History(Shape((0.0, 1.0, 0.0), 8.0))
    for index in range(2000):
        history.reserve((1.0, 4.0, 0.0))
        history.wait(1.0)
        if index % 3:
            history.settle(index, 0.1)
        assert len(history.state.stairs[1]) <= MAX_STAIRS
    assert worst_excess(history, (0.0, 8.0, 0.0)) <= ROUNDING_S


def test_a_request_above_the_capacity_is_refused_and_takes_nothing():
    state = State()
    reply = transact(SHAPE, state, [Reserve((1.0, 10.0, 50.1)), Reserve((1.0, 10.0, 50.0))], 100.0)
    assert reply.answers == [-3.0, 100.0]


def test_a_slow_limit_still_admits_single_requests():
    history = History(Shape((3 / 60, 0.0, 0.0), 15.0))
    start = history.now
    assert [history.reserve((1.0, 0.0, 0.0)) - start for _ in range(3)] == pytest.approx([0.0, 20.0, 40.0])


def test_nothing_is_granted_before_the_end_of_a_hold():
    state = State()
    reply = transact(SHAPE, state, [Throttle(7.0), Throttle(2.0), Reserve((1.0, 1.0, 1.0))], 100.0)
    assert reply.answers[-1] == 107.0
    assert reply.hold == 107.0


def test_a_learned_quota_is_in_force_and_never_exceeds_the_configured_one():
    state = State()
    lower = transact(SHAPE, state, [Observe((-1.0, 1.5, -1.0), (-1.0, -1.0, -1.0))], 100.0)
    assert lower.rates == (2.0, 1.5, 5.0)
    assert lower.capacities == (20.0, 15.0, 50.0)
    higher = transact(SHAPE, state, [Observe((-1.0, 99.0, -1.0), (-1.0, -1.0, -1.0))], 101.0)
    assert higher.rates == SHAPE.rates


def test_a_lower_remaining_lowers_the_level_and_a_higher_one_does_not_raise_it():
    shape = Shape((0.0, 1.0, 0.0), 10.0)
    state = State()
    unsaid = (-1.0, -1.0, -1.0)
    transact(shape, state, [Observe(unsaid, (-1.0, 2.0, -1.0)), Observe(unsaid, (-1.0, 9.0, -1.0))], 100.0)
    assert transact(shape, state, [Reserve((1.0, 5.0, 0.0))], 100.0).answers == [pytest.approx(103.0)]


def test_units_owed_survive_a_change_of_the_rate():
    shape = Shape((0.0, 2.0, 0.0), 10.0)
    state = State()
    transact(shape, state, [Reserve((1.0, 20.0, 0.0))], 100.0)
    transact(shape, state, [Observe((-1.0, 1.0, -1.0), (-1.0, -1.0, -1.0))], 100.0)
    # 20 units are owed to a bucket that now holds 10: 15 seconds until 5 are there.
    assert transact(shape, state, [Reserve((1.0, 5.0, 0.0))], 100.0).answers == [pytest.approx(115.0)]


def test_a_settlement_of_a_forgotten_ticket_changes_nothing():
    state = State()
    transact(SHAPE, state, [Settle((1.0, 30.0, 30.0), UNUSED, 50.0)], 100.0)
    assert transact(SHAPE, state, [Reserve((1.0, 30.0, 50.0))], 100.0).answers == [100.0]
    assert transact(SHAPE, state, [Reserve((1.0, 0.0, 5.0))], 100.0).answers == [pytest.approx(101.0)]
