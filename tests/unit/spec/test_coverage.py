"""Coverage: it adds up, and says what is missing without growing with the number of tasks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared_agent.spec import coverage
from shared_agent.spec.coverage import NAMED_LIMIT, Coverage, Missing

small = st.integers(0, 50)
statuses = st.sampled_from(["succeeded", "failed", "skipped"])
ended = st.builds(
    coverage.after, st.just(Coverage()), statuses, st.text(max_size=9), st.text(max_size=9), st.text(max_size=400)
)
tasks = st.lists(ended, max_size=60)


@st.composite
def balanced(draw: st.DrawFn) -> Coverage:
    states = {name: draw(small) for name in ("succeeded", "failed", "skipped", "unstarted", "in_flight")}
    missing = draw(st.lists(st.builds(Missing, st.text(max_size=5)), max_size=NAMED_LIMIT))
    return Coverage(submitted=sum(states.values()), missing=tuple(missing), **states)


@given(balanced(), balanced(), balanced())
def test_the_sum_of_balanced_coverages_is_balanced_whatever_the_grouping(a: Coverage, b: Coverage, c: Coverage) -> None:
    assert (a + b).balanced
    assert (a + b) + c == a + (b + c) == coverage.total([a, b, c])
    assert a + Coverage() == Coverage() + a == a


@given(tasks)
def test_what_is_missing_is_named_in_order_up_to_the_limit(parts: list[Coverage]) -> None:
    whole = coverage.total(parts)
    expected = [item for part in parts for item in part.missing]
    assert list(whole.missing) == expected[:NAMED_LIMIT]
    assert whole.submitted == len(parts)
    assert whole.submitted - whole.succeeded == len(expected)
    assert whole.complete is not bool(expected)


@given(tasks)
def test_the_description_is_one_bounded_line(parts: list[Coverage]) -> None:
    words = coverage.total(parts).describe_missing()
    assert len(words) < NAMED_LIMIT * 200
    assert (words == "") is all(part.complete for part in parts)


@given(balanced(), statuses)
def test_a_reduction_accounts_for_every_input_under_it(before: Coverage, status: str) -> None:
    then = coverage.after(before, status, "reduce-1-000000", "", "why")
    assert then.balanced
    assert then.submitted == max(1, before.submitted)
    if status != "succeeded":
        assert then.succeeded == 0
    elif before.submitted:
        assert then == before


def test_the_description_names_the_missing_and_counts_the_rest() -> None:
    one = Coverage()
    two = coverage.total(
        [
            coverage.after(one, "succeeded", "map-0", "", ""),
            coverage.after(one, "failed", "map-1", "a.md", "timeout"),
            coverage.after(one, "skipped", "map-2", "", "budget"),
        ]
    )
    assert two.describe_missing() == "2 of 3 inputs are missing: a.md (failed: timeout), map-2 (skipped: budget)"
    many = coverage.total([coverage.after(one, "failed", "t", f"{n}.md", "x") for n in range(NAMED_LIMIT + 3)])
    assert many.describe_missing().endswith(", and 3 more")
    assert Coverage(submitted=2, unstarted=2).describe_missing() == "2 of 2 inputs are missing"


def test_a_lost_task_unbalances_the_account() -> None:
    assert not Coverage(submitted=3, succeeded=2).balanced
    assert not Coverage(submitted=3, succeeded=2).complete
    assert not Coverage(submitted=2, succeeded=2, failed=1).complete


def test_nothing_submitted_is_covered_whole() -> None:
    assert Coverage().fraction == 1.0
    assert Coverage().complete
    assert Coverage(submitted=4, succeeded=1, failed=3).fraction == 0.25
