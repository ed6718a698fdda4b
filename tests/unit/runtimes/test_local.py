"""The local runtime, as a user runs it: a job in, a result out, the same one however it got there."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from shared_agent.errors import InputError, Permanent, StoreError, Throttled, Transient
from shared_agent.runtimes.local import record as records
from shared_agent.runtimes.local.home import Home
from shared_agent.runtimes.local.runtime import LocalRuntime
from shared_agent.runtimes.submission import prepare
from shared_agent.spec.completion import EndReason
from shared_agent.stores import open_state
from shared_agent.worker.claims import Claims, Held
from tests.support.scripted_model import Script

TEN = "(((W0 W1 W2) (W3 W4 W5) (W6 W7 W8)) W9)"


def is_map(request: Any) -> bool:
    return not request.purpose.prompt.startswith("(")


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.002)


async def test_a_job_is_mapped_reduced_in_order_and_written(make: Any, run: Any, tmp_path: Path) -> None:
    script = Script(latency_s=lambda number: (number * 7 % 5) / 500)
    result = await run(make(script))
    assert (result.status, result.reason, result.value) == ("complete", EndReason.ALL_DONE, TEN)
    assert result.coverage.succeeded == 10
    assert (script.calls, result.calls_made, result.reduce_tasks) == (15, 15, 5)
    assert script.most_in_flight <= 4
    lines = [json.loads(line) for line in (tmp_path / "out/outcomes.jsonl").read_text().splitlines()]
    assert [line["value"] for line in lines] == [f"W{number}" for number in range(10)]
    assert (tmp_path / "out/result.md").read_text() == f"{TEN}\n"
    assert json.loads((tmp_path / "out/summary.json").read_text())["status"] == "complete"


async def test_submitting_the_same_job_again_returns_its_result_without_a_call(make: Any, run: Any) -> None:
    script = Script()
    job = make(script)
    first = await run(job)
    assert await run(job) == first
    assert script.calls == 15


@pytest.mark.parametrize("n", [1, 2, 3, 4, 9, 28])
async def test_every_size_of_input_has_its_tree(make: Any, run: Any, n: int) -> None:
    from shared_agent.spec.tree import Tree

    script = Script()
    result = await run(make(script, n))
    assert (result.status, result.reduce_tasks) == ("complete", Tree(3).calls(n))
    assert [int(word) for word in result.value.replace("(", "").replace(")", "").replace("W", "").split()] == list(
        range(n)
    )


async def test_lost_inputs_make_an_incomplete_result_that_says_so(make: Any, run: Any, tmp_path: Path) -> None:
    script = Script(fails=lambda number, request: Permanent("no") if request.purpose.prompt in ("w2", "w7") else None)
    result = await run(make(script))
    assert (result.status, result.coverage.failed) == ("incomplete", 2)
    assert "W2" not in result.value
    assert result.missing.startswith("2 of 10 inputs are missing")
    assert (tmp_path / "out/result.md").read_text().startswith("> **Incomplete")
    again = await run(make(script, name="other"), retry_failed=True)
    assert again.status == "incomplete"


async def test_retry_failed_runs_the_failed_ones_alone(make: Any, run: Any) -> None:
    broken = [True]
    script = Script(fails=lambda n, request: Permanent("no") if broken and request.purpose.prompt == "w2" else None)
    job = make(script, kind="shout")
    assert (await run(job)).coverage.failed == 1
    broken.clear()
    calls = script.calls
    assert (await run(job)).status == "incomplete", "a partial result stands unless it is asked to be mended"
    result = await run(job, retry_failed=True)
    assert (result.status, script.calls) == ("complete", calls + 1)


async def test_below_min_coverage_the_synthesis_is_refused_and_not_paid_for(make: Any, run: Any) -> None:
    script = Script(fails=lambda number, request: Permanent("no") if request.purpose.prompt > "w2" else None)
    result = await run(make(script, completion={"min_coverage": 0.9}))
    assert (result.status, result.value) == ("failed", None)
    assert "min_coverage 0.9" in result.refused


async def test_a_quorum_ends_the_job_and_stands(make: Any, run: Any) -> None:
    script = Script(latency_s=lambda number: 0 if number <= 3 else 30)
    job = make(script, completion={"min_successful": 3, "min_coverage": 0}, reduce=False)
    result = await run(job)
    assert (result.status, result.reason, result.coverage.succeeded) == ("incomplete", EndReason.QUORUM_REACHED, 3)
    assert script.in_flight == 0
    calls = script.calls
    assert await run(job) == result
    assert script.calls == calls


async def test_more_failures_than_tolerated_end_the_job_and_nothing_more_is_paid(make: Any, run: Any) -> None:
    script = Script(fails=lambda number, request: Permanent("no") if request.purpose.prompt in ("w0", "w4") else None)
    job = make(script, 40, completion={"tolerated_failure_count": 1})
    result = await run(job)
    assert (result.status, result.reason) == ("failed", EndReason.TOLERANCE_EXCEEDED)
    assert result.value is None
    maps = [request for request in script.requests if is_map(request)]
    assert len(maps) <= 5 + 4
    assert result.coverage.balanced
    assert result.coverage.unstarted >= 30


async def test_the_deadline_ends_the_map_stage_and_what_is_there_is_combined(make: Any, run: Any) -> None:
    script = Script(latency_s=lambda number: 30 if number in (3, 4) else 0.001)
    result = await run(make(script, 8, completion={"deadline_s": 0.4, "min_coverage": 0.5}))
    assert (result.status, result.reason) == ("incomplete", EndReason.DEADLINE)
    assert (result.coverage.succeeded, result.coverage.unstarted) == (6, 2)
    assert result.value.count("W") == 6
    assert script.in_flight == 0


async def test_a_reached_budget_leaves_the_rest_skipped_and_a_larger_one_finishes_the_job(make: Any, run: Any) -> None:
    script = Script()
    job = make(script, 10, id="budgeted", reduce=False, budget={"usd": 0.0045})
    result = await run(job)
    assert (result.status, result.reason) == ("failed", EndReason.BUDGET)
    assert result.coverage.succeeded == 4
    assert result.coverage.skipped >= 1
    larger = job.model_copy(update={"budget": make(script, budget={"usd": 1.0}).budget})
    assert (await run(larger)).status == "complete"
    assert script.calls == 10


async def test_a_job_whose_last_tasks_were_all_skipped_is_not_taken_for_finished(make: Any, run: Any) -> None:
    script = Script()
    job = make(script, 4, id="skipped-last", reduce=False, budget={"usd": 0.0025})
    first = await run(job)
    assert (first.status, first.coverage.skipped, first.coverage.unstarted) == ("incomplete", 2, 0)
    larger = job.model_copy(update={"budget": make(script, budget={"usd": 1.0}).budget})
    assert (await run(larger)).status == "complete"


async def test_cancelling_stops_what_runs_and_a_resume_pays_for_the_rest_alone(make: Any, run: Any) -> None:
    script = Script(latency_s=lambda number: 30 if 4 < number <= 8 else 0)
    job = make(script)
    stop = asyncio.Event()
    running = asyncio.create_task(run(job, stop=stop))
    await until(lambda: script.in_flight == 4 and script.calls >= 8)
    done = script.ended
    stop.set()
    result = await running
    assert (result.status, result.reason) == ("cancelled", EndReason.CANCELLED)
    assert script.in_flight == 0
    assert script.cancelled == 4
    resumed = await run(job)
    assert (resumed.status, resumed.value) == ("complete", TEN)
    assert resumed.replayed >= 1
    assert script.ended == 15
    assert done + resumed.calls_made == 15


async def test_cancelling_during_the_reduction_is_a_cancelled_job(make: Any, run: Any) -> None:
    script = Script()
    script.latency_s = lambda number: 0 if is_map(script.requests[-1]) else 30
    job = make(script)
    stop = asyncio.Event()
    running = asyncio.create_task(run(job, stop=stop))
    await until(lambda: script.ended == 10)
    stop.set()
    result = await running
    assert (result.status, result.reason, result.value) == ("cancelled", EndReason.CANCELLED, None)
    script.latency_s = 0
    assert (await run(job)).value == TEN


async def test_cancelling_while_every_task_is_claimed_elsewhere_ends_the_run(make: Any, run: Any, home: Home) -> None:
    script = Script()
    job = make(script, 3)
    submission = await prepare(job, Path())
    state = open_state(home.state_url)
    other = Claims(state, "somebody-else")
    async for task in submission.tasks():
        assert isinstance(await other.acquire(task.key, 3600), Held)
    stop = asyncio.Event()
    running = asyncio.create_task(run(job, stop=stop))
    await asyncio.sleep(0.4)
    stop.set()
    result = await asyncio.wait_for(running, 10)
    assert result.status == "cancelled"
    assert script.calls == 0
    await state.aclose()


async def test_a_request_to_cancel_a_dead_run_does_not_bear_on_the_next(make: Any, run: Any, home: Home) -> None:
    job = make(Script(latency_s=0.02))
    submission = await prepare(job, Path())
    state = open_state(home.state_url)
    dead = records.JobRecord(
        job_id=submission.job_id, state="running", runner="dead", inputs_digest=submission.survey.digest
    )
    await records.write(state, dead)
    assert await records.request_cancel(state, submission.job_id)
    assert (await run(job)).status == "complete"
    await state.aclose()


async def test_a_job_can_be_cancelled_through_the_store(make: Any, run: Any, home: Home) -> None:
    script = Script(latency_s=30)
    job = make(script)
    submission = await prepare(job, Path())
    running = asyncio.create_task(run(job))
    await until(lambda: script.calls)
    state = open_state(home.state_url)
    assert await records.request_cancel(state, submission.job_id)
    assert (await asyncio.wait_for(running, 10)).status == "cancelled"
    assert not await records.request_cancel(state, submission.job_id)
    await state.aclose()


async def test_a_second_submission_attaches_and_gets_the_same_result(make: Any, run: Any) -> None:
    script = Script(latency_s=0.02)
    job = make(script)
    first, second = await asyncio.gather(run(job), run(job))
    assert first == second
    assert script.calls == 15


async def test_attaching_to_a_rerun_does_not_return_the_result_that_is_being_mended(make: Any, run: Any) -> None:
    broken = [True]
    script = Script(
        latency_s=0.05, fails=lambda n, request: Permanent("no") if broken and request.purpose.prompt == "w2" else None
    )
    job = make(script, completion={"tolerated_failure_count": 0})
    assert (await run(job)).status == "failed"
    broken.clear()
    first, second = await asyncio.gather(run(job, retry_failed=True), run(job))
    assert first.status == second.status == "complete"


async def test_an_id_that_was_used_for_other_inputs_is_refused(make: Any, run: Any) -> None:
    await run(make(Script(), 2, id="mine"))
    with pytest.raises(InputError, match="other inputs"):
        await run(make(Script(), 3, id="mine"))


async def test_machines_that_share_a_state_do_not_take_each_other_for_dead(make: Any, run: Any, tmp_path: Path) -> None:
    script = Script(latency_s=0.3)
    job = make(script, 4, reduce=False, timeouts={"lease_s": 5})
    url = f"sqlite:///{tmp_path}/shared.db"
    first, second = await asyncio.gather(
        run(job, home=Home(tmp_path / "a"), state_url=url), run(job, home=Home(tmp_path / "b"), state_url=url)
    )
    assert first.status == second.status == "complete"
    assert script.calls == 4


async def test_inputs_that_grow_during_the_run_are_an_input_error(make: Any, run: Any, tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.txt").write_text(f"w{number}")
    job = make(Script(latency_s=0.05), inputs=str(folder), concurrency=8)
    submission = await prepare(job, tmp_path)
    for number in range(3, 9):
        (folder / f"{number}.txt").write_text(f"w{number}")
    with pytest.raises(InputError, match="changed while the job ran"):
        await LocalRuntime(home=Home(tmp_path / "home")).run(submission)
    for number in range(1, 9):
        (folder / f"{number}.txt").unlink()
    with pytest.raises(InputError, match="changed while the job ran"):
        await LocalRuntime(home=Home(tmp_path / "home2")).run(submission)


async def test_a_store_that_fails_ends_the_run_and_a_resume_goes_on(make: Any, run: Any, tmp_path: Path) -> None:
    script = Script()
    job = make(script)

    def fails(task: Any, outcome: Any) -> None:
        if script.calls > 5:
            raise StoreError("disk full")

    with pytest.raises(StoreError):
        await run(job, on_outcome=fails)
    assert script.in_flight == 0
    result = await run(job)
    assert result.value == TEN
    assert sum(script.asked.values()) <= 15 + 4


async def test_throttling_and_passing_failures_leave_no_trace_in_the_result(make: Any, run: Any) -> None:
    def sometimes(number: int, request: Any) -> Any:
        if number % 3 == 0:
            return Throttled("429", retry_after_s=0.001)
        return Transient("502") if number % 10 == 1 else None

    script = Script(fails=sometimes)
    result = await run(make(script, retry={"attempts": 50, "base_s": 0.001, "cap_s": 0.002}, breaker={"failures": 99}))
    assert (result.status, result.value) == ("complete", TEN)
    assert result.usage.calls == 15
    assert result.calls_made == script.calls
