"""When a fan-out ends and why: one order of reasons, and no way back once it has ended."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_agent.errors import InputError
from shared_agent.spec.completion import CompletionPolicy, Counts, EndReason

small = st.integers(0, 20)
policies = st.builds(
    CompletionPolicy,
    min_successful=st.none() | st.integers(1, 20),
    tolerated_failure_count=st.none() | small,
    tolerated_failure_percentage=st.none() | st.floats(0, 100),
    deadline_s=st.none() | st.floats(0.1, 50),
)


@st.composite
def counts(draw: st.DrawFn) -> Counts:
    succeeded, failed, skipped, running = (draw(small) for _ in range(4))
    total = draw(st.none() | st.just(succeeded + failed + skipped + running))
    return Counts(succeeded=succeeded, failed=failed, skipped=skipped, total=total)


times = st.floats(0, 60)


@given(policies, counts(), times, st.booleans())
def test_cancelling_comes_before_every_other_reason(
    policy: CompletionPolicy, seen: Counts, elapsed: float, budget: bool
) -> None:
    assert policy.decide(seen, elapsed, cancelled=True, budget_reached=budget) is EndReason.CANCELLED


@given(policies, counts(), times, st.booleans())
def test_the_reason_is_the_first_that_holds(
    policy: CompletionPolicy, seen: Counts, elapsed: float, budget: bool
) -> None:
    all_done = seen.total is not None and seen.ended >= seen.total
    late = policy.deadline_s is not None and elapsed >= policy.deadline_s
    quorum = policy.min_successful is not None and seen.succeeded >= policy.min_successful
    expected = [
        (budget and not all_done, EndReason.BUDGET),
        (late and not all_done, EndReason.DEADLINE),
        (policy.tolerance_exceeded(seen), EndReason.TOLERANCE_EXCEEDED),
        (all_done, EndReason.ALL_DONE),
        (quorum, EndReason.QUORUM_REACHED),
    ]
    first = next((reason for holds, reason in expected if holds), None)
    assert policy.decide(seen, elapsed, budget_reached=budget) is first


@given(policies, counts(), times, times, st.sampled_from(["succeeded", "failed", "skipped"]))
def test_what_has_ended_stays_ended(
    policy: CompletionPolicy, seen: Counts, elapsed: float, later: float, state: str
) -> None:
    if policy.decide(seen, elapsed) is None or (seen.total is not None and seen.ended >= seen.total):
        return
    numbers = {"succeeded": seen.succeeded, "failed": seen.failed, "skipped": seen.skipped, "total": seen.total}
    numbers[state] = (numbers[state] or 0) + 1
    assert policy.decide(Counts(**numbers), elapsed + later) is not None


@given(policies, st.integers(1, 50), st.data())
def test_a_fan_out_whose_every_branch_ended_is_always_over(
    policy: CompletionPolicy, total: int, data: st.DataObject
) -> None:
    succeeded = data.draw(st.integers(0, total))
    failed = data.draw(st.integers(0, total - succeeded))
    seen = Counts(succeeded=succeeded, failed=failed, skipped=total - succeeded - failed, total=total)
    assert policy.decide(seen, 1e9) in (EndReason.ALL_DONE, EndReason.TOLERANCE_EXCEEDED)


@given(st.integers(1, 200), st.floats(0, 100), st.data())
def test_a_percentage_counts_failures_over_all_branches(total: int, percentage: float, data: st.DataObject) -> None:
    failed = data.draw(st.integers(0, total))
    policy = CompletionPolicy(tolerated_failure_percentage=percentage)
    assert policy.tolerance_exceeded(Counts(failed=failed, total=total)) is (100 * failed / total > percentage)
    assert not policy.tolerance_exceeded(Counts(failed=failed, total=None))


def test_exactly_the_tolerated_number_of_failures_is_tolerated() -> None:
    policy = CompletionPolicy(tolerated_failure_count=2)
    assert policy.decide(Counts(failed=2, total=10), 0) is None
    assert policy.decide(Counts(failed=3, total=10), 0) is EndReason.TOLERANCE_EXCEEDED
    strict = CompletionPolicy(tolerated_failure_percentage=20)
    assert strict.decide(Counts(failed=2, total=10), 0) is None
    assert strict.decide(Counts(failed=3, total=10), 0) is EndReason.TOLERANCE_EXCEEDED


def test_the_first_of_a_race_is_enough() -> None:
    assert CompletionPolicy(min_successful=1).decide(Counts(succeeded=1, failed=4, total=9), 0) is (
        EndReason.QUORUM_REACHED
    )


def test_a_job_that_ended_at_its_deadline_is_done() -> None:
    policy = CompletionPolicy(deadline_s=10)
    assert policy.decide(Counts(succeeded=3, total=3), 10) is EndReason.ALL_DONE
    assert policy.decide(Counts(succeeded=2, total=3), 10) is EndReason.DEADLINE


def test_an_empty_fan_out_is_done_once_its_input_is_read() -> None:
    assert CompletionPolicy().decide(Counts(total=None), 0) is None
    assert CompletionPolicy().decide(Counts(total=0), 0) is EndReason.ALL_DONE


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"min_successful": 0}, "completion.min_successful: is 0 (give at least 1)"),
        ({"tolerated_failure_count": -1}, "completion.tolerated_failure_count: is -1 (give at least 0)"),
        ({"tolerated_failure_percentage": nan}, "completion.tolerated_failure_percentage: is nan (give at least 0)"),
        ({"tolerated_failure_percentage": 101}, "completion.tolerated_failure_percentage: is above 100"),
        ({"branch_timeout_s": 0}, "completion.branch_timeout_s: is 0 (give seconds above 0)"),
        ({"deadline_s": inf}, "completion.deadline_s: is inf (give seconds above 0)"),
        ({"min_coverage": 1.5}, "completion.min_coverage: is not between 0 and 1"),
    ],
)
def test_a_value_out_of_range_names_its_field(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as refused:
        CompletionPolicy(**settings)
    assert str(refused.value).startswith(message)
