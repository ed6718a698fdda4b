"""What is known of a running job, and how it is concluded."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_agent.runtimes.local.fanin import FanIn
from shared_agent.runtimes.local.finish import label_of
from shared_agent.runtimes.result import JobResult, conclude
from shared_agent.spec import coverage as coverages
from shared_agent.spec.completion import CompletionPolicy, EndReason
from shared_agent.spec.coverage import NAMED_LIMIT, Coverage
from shared_agent.spec.outcome import Outcome
from shared_agent.spec.payload import Inline
from shared_agent.spec.usage import Usage

STATUSES = ("succeeded", "failed", "skipped")


def outcome(index: int, status: str, *, replayed: bool = False) -> Outcome:
    task_id = f"map-{index:06}"
    return Outcome(
        job_id="job",
        task_id=task_id,
        key=task_id,
        status=status,  # type: ignore[arg-type]
        value=Inline(index) if status == "succeeded" else None,
        usage=Usage(calls=1, input_tokens=3, usd=0.5),
        coverage=coverages.after(Coverage(), status, task_id, f"{index}.md", "why"),
        calls=2,
        retries=1,
        replayed=replayed,
    )


@given(
    statuses=st.lists(st.sampled_from([*STATUSES, "never"]), max_size=60),
    seed=st.integers(0, 999),
    group_size=st.none() | st.integers(2, 5),
)
def test_coverage_always_adds_up_and_does_not_depend_on_the_order(
    statuses: list[str], seed: int, group_size: int | None
) -> None:
    fan_in = FanIn(len(statuses), policy=CompletionPolicy(), group_size=group_size)
    order = [index for index, status in enumerate(statuses) if status != "never"]
    random.Random(seed).shuffle(order)
    for index in order:
        fan_in.take_map(index, outcome(index, statuses[index], replayed=index % 2 == 0))
        assert fan_in.coverage.balanced
    fan_in.close(EndReason.DEADLINE)
    coverage = fan_in.coverage
    assert coverage.submitted == len(statuses)
    assert (coverage.succeeded, coverage.failed, coverage.skipped) == tuple(statuses.count(s) for s in STATUSES)
    assert coverage.unstarted == statuses.count("never")
    lost = [f"map-{index:06}" for index, status in enumerate(statuses) if status in ("failed", "skipped")]
    assert [missing.task_id for missing in coverage.missing] == lost[:NAMED_LIMIT]
    assert fan_in.usage.calls == len(order)
    assert fan_in.replayed == sum(index % 2 == 0 for index in order)
    assert fan_in.calls_made == 2 * (len(order) - fan_in.replayed)
    progress = fan_in.progress(3, 10.0)
    assert (progress.total, progress.done, progress.in_flight) == (len(statuses), len(order), 3)


def test_closing_lets_what_is_there_be_combined() -> None:
    fan_in = FanIn(7, policy=CompletionPolicy(), group_size=3)
    assert [fan_in.take_map(index, outcome(index, "succeeded")) for index in (0, 1, 4, 5)] == [None] * 4
    groups = fan_in.close(EndReason.DEADLINE)
    assert [[member.payload for member in group.members] for group in groups] == [
        [Inline(0), Inline(1)],
        [Inline(4), Inline(5)],
    ]
    assert [(group.coverage.succeeded, group.coverage.unstarted) for group in groups] == [(2, 1), (2, 1)]


@pytest.mark.parametrize(
    ("reason", "coverage", "has_value", "expected"),
    [
        (EndReason.ALL_DONE, Coverage(submitted=4, succeeded=4), True, "complete"),
        (EndReason.ALL_DONE, Coverage(submitted=4, succeeded=3, failed=1), True, "incomplete"),
        (EndReason.ALL_DONE, Coverage(submitted=4, succeeded=1, failed=3), True, "failed"),
        (EndReason.ALL_DONE, Coverage(submitted=4, succeeded=4), False, "failed"),
        (EndReason.QUORUM_REACHED, Coverage(submitted=4, succeeded=3, unstarted=1), True, "incomplete"),
        (EndReason.TOLERANCE_EXCEEDED, Coverage(submitted=4, succeeded=3, failed=1), True, "failed"),
        (EndReason.DEADLINE, Coverage(submitted=4, succeeded=2, unstarted=2), True, "incomplete"),
        (EndReason.BUDGET, Coverage(submitted=4, succeeded=2, skipped=2), True, "incomplete"),
        (EndReason.CANCELLED, Coverage(submitted=4, succeeded=4), True, "cancelled"),
        (EndReason.ALL_DONE, Coverage(), True, "complete"),
    ],
)
def test_a_job_is_concluded_by_what_it_covers(
    reason: EndReason, coverage: Coverage, has_value: bool, expected: str
) -> None:
    status, _ = conclude(reason, coverage, min_coverage=0.5, has_value=has_value)
    assert status == expected


@given(
    counts=st.lists(st.integers(0, 20), min_size=4, max_size=4),
    reason=st.sampled_from(list(EndReason)),
    min_coverage=st.floats(0, 1),
    has_value=st.booleans(),
)
def test_success_is_never_reported_for_less_than_everything(
    counts: list[int], reason: EndReason, min_coverage: float, has_value: bool
) -> None:
    succeeded, failed, skipped, unstarted = counts
    coverage = Coverage(submitted=sum(counts), succeeded=succeeded, failed=failed, skipped=skipped, unstarted=unstarted)
    status, refused = conclude(reason, coverage, min_coverage=min_coverage, has_value=has_value)
    assert status != "complete" or (succeeded == sum(counts) and has_value)
    assert bool(refused) == (sum(counts) > 0 and succeeded / sum(counts) < min_coverage)
    result = JobResult(job_id="j", status=status, reason=reason, coverage=coverage, refused=refused)
    assert (label_of(result) == "") == (status == "complete")
    assert refused in label_of(result)
