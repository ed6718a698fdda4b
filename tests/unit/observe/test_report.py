"""The run report: percentiles, sums over stages, failures that are alike, and its text."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared_agent.observe.report import SLOWEST, Report, build, times
from shared_agent.observe.text import clock, describe, report_lines, shortened, shown_path
from shared_agent.runtimes.result import JobResult
from shared_agent.spec.completion import EndReason
from shared_agent.spec.coverage import Coverage
from shared_agent.spec.outcome import Failure, FailureClass, Outcome, Timings
from shared_agent.spec.usage import Usage

seconds = st.lists(st.floats(0, 1e6), min_size=1, max_size=300)


def outcome(number: int, duration_s: float = 1.0, *, stage: str = "map", error: str = "", **fields: Any) -> Outcome:
    failure = Failure(kind=FailureClass.HANDLER, message=error, remedy="mend it") if error else None
    chosen: dict[str, Any] = {
        "job_id": "job",
        "task_id": f"{stage}-{number:06}",
        "key": f"job/{stage}-{number:06}/x",
        "status": "failed" if error else "succeeded",
        "failure": failure,
        "source": f"docs/{number}.md",
        "usage": Usage(calls=1, input_tokens=100, output_tokens=10, usd=0.01),
        "timings": Timings(started_at=0.0, ended_at=duration_s, admission_s=0.25, model_s=0.5),
        "model": "openai:gpt-5-mini",
    }
    return Outcome(**(chosen | fields))


async def report(*outcomes: Outcome) -> Report:
    async def each() -> AsyncIterator[Outcome]:
        for item in outcomes:
            yield item

    return await build("job", each())


@given(seconds)
def test_percentiles_are_values_that_occurred_in_order(durations: list[float]) -> None:
    spread = times(durations)
    assert {spread.p50_s, spread.p99_s, spread.max_s} <= set(durations)
    assert spread.p50_s <= spread.p99_s <= spread.max_s == max(durations)


@given(seconds)
def test_a_percentile_has_its_share_at_or_below_it_and_no_smaller_value_does(durations: list[float]) -> None:
    spread = times(durations)
    for percent, value in ((50, spread.p50_s), (99, spread.p99_s)):
        needed = math.ceil(percent * len(durations) / 100)
        assert sum(duration <= value for duration in durations) >= needed
        assert sum(duration < value for duration in durations) < needed


def test_no_durations_have_no_percentiles() -> None:
    assert times([]).max_s == 0.0


@given(st.lists(st.floats(0, 1000), max_size=120))
async def test_the_slowest_are_the_longest_of_all(durations: list[float]) -> None:
    made = await report(*(outcome(number, took) for number, took in enumerate(durations)))
    assert [took for _, took in made.slowest] == sorted(durations, reverse=True)[:SLOWEST]


async def test_stages_and_models_add_up() -> None:
    made = await report(
        outcome(0), outcome(1, error="boom"), outcome(0, 3.0, stage="reduce", model="embedded", retries=2)
    )
    maps, reduces = made.stages
    assert (maps.stage, maps.tasks, maps.succeeded, maps.usage.calls, maps.admission_s) == ("map", 2, 1, 2, 0.5)
    assert (reduces.stage, reduces.tasks, reduces.duration.max_s, reduces.retries) == ("reduce", 1, 3.0, 2)
    assert {model: usage.calls for model, usage in made.by_model.items()} == {"openai:gpt-5-mini": 2, "embedded": 1}


async def test_failures_that_are_alike_are_one_group_the_largest_first() -> None:
    made = await report(outcome(0, error="rare"), *(outcome(number, error="common") for number in range(1, 6)))
    assert [(group.message, group.count) for group in made.failures] == [("common", 5), ("rare", 1)]
    assert made.failures[0].sources == ("docs/1.md", "docs/2.md", "docs/3.md")


async def test_the_text_says_how_it_ended_where_time_went_and_what_to_do() -> None:
    coverage = Coverage(submitted=2, succeeded=1, failed=1)
    result = JobResult(
        job_id="job",
        status="incomplete",
        reason=EndReason.ALL_DONE,
        coverage=coverage,
        missing=coverage.describe_missing(),
        usage=Usage(calls=2, input_tokens=1_200, output_tokens=20, usd=0.02),
        started_at=100.0,
        ended_at=170.0,
    )
    text = describe(result, await report(outcome(0), outcome(1, error="boom")))
    assert text.splitlines()[:4] == [
        "job: incomplete; 1 of 2 inputs are missing",
        "  coverage  1 of 2 tasks succeeded (failed 1, skipped 0, not started 0)",
        "  cost      2 calls, 1,200 input and 20 output tokens, 0.0200 USD",
        "  time      1 min 10 s",
    ]
    assert "1 x handler: boom" in text
    assert "remedy: mend it" in text


async def test_long_names_are_shortened_and_columns_stay_in_line() -> None:
    path = "/".join(["a-folder-of-a-long-name"] * 20) + "/the-end.md"
    made = await report(outcome(0, source=path, model="openai:" + "x" * 100))
    rows = report_lines(made)
    assert max(len(line) for line in rows) <= 120
    assert any(line.endswith("/the-end.md") for line in rows)
    head = next(number for number, line in enumerate(rows) if line.startswith("  model"))
    assert len(rows[head]) == len(rows[head + 1])


async def test_a_job_without_model_calls_has_no_table_of_models() -> None:
    assert not any("input tok" in line for line in report_lines(await report(outcome(0, model=""))))


@given(st.text(max_size=200), st.integers(3, 100))
def test_a_shortened_text_fits_and_keeps_both_ends(text: str, width: int) -> None:
    short = shortened(text, width)
    assert len(short) <= width
    assert short == text if len(text) <= width else (short[-1] == text[-1] and "…" in short)


def test_paths_below_the_folder_are_relative_to_it() -> None:
    here = Path("/home/someone/work")
    assert shown_path("/home/someone/work/out/a.md", here) == "out/a.md"
    assert shown_path("out/a.md", here) == "out/a.md"
    assert shown_path("/elsewhere/a.md", here) == "/elsewhere/a.md"


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_times_in_words_never_show_sixty_of_anything(one: float, other: float) -> None:
    for value in (one, other):
        assert not any(word in {"60", "60.0"} for word in clock(value).split())


def test_times_in_words() -> None:
    assert [clock(value) for value in (0.04, 7.54, 59.96, 200, 7_500)] == [
        "0.0 s",
        "7.5 s",
        "1 min 0 s",
        "3 min 20 s",
        "2 h 5 min",
    ]
