"""``Worker.run``: one task in, one outcome out, whatever happens."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

import msgspec
import pytest

from shared_agent.errors import Busy, ClaimLost, Deferred, Permanent, Throttled, Transient
from shared_agent.spec import trace
from shared_agent.spec.completion import CompletionPolicy
from shared_agent.spec.document import Chunk
from shared_agent.spec.limit import LimitSpec
from shared_agent.spec.outcome import FailureClass
from shared_agent.spec.payload import INLINE_LIMIT, Inline, Ref
from shared_agent.spec.settings import Budget, ModelOptions, ModelRoles, RetryPolicy
from shared_agent.spec.usage import Usage
from shared_agent.worker import budget, claims
from shared_agent.worker.claims import Claims
from shared_agent.worker.context import Context
from tests.support.scripted_model import ONE_CALL, Script, scripted
from tests.unit.worker.conftest import Desk


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.002)


async def test_a_task_becomes_an_outcome_and_running_it_again_costs_nothing(desk: Desk) -> None:
    script = Script()
    job = desk.job(script)
    first = await desk.worker(job).run(desk.task(job))
    again = await desk.worker(job).run(desk.task(job))
    assert first.status == "succeeded"
    assert first.value == Inline("HELLO")
    assert first.usage == ONE_CALL
    assert script.calls == 1
    assert again.replayed
    assert msgspec.structs.replace(again, replayed=False) == first


async def test_a_task_that_another_worker_runs_is_busy_and_not_called_twice(desk: Desk) -> None:
    script = Script(latency_s=0.2)
    job = desk.job(script, lease_s=30.0)
    running = asyncio.create_task(desk.worker(job).run(desk.task(job)))
    await until(lambda: script.calls)
    with pytest.raises(Busy) as busy:
        await desk.worker(job).run(desk.task(job))
    assert 0 < busy.value.retry_after_s <= 30
    assert (await running).status == "succeeded"
    assert script.calls == 1


async def test_a_dead_workers_task_is_taken_over_when_its_lease_is_over(desk: Desk) -> None:
    script = Script()
    job = desk.job(script)
    task = desk.task(job)
    await Claims(desk.state, "dead").acquire(task.key, 0.15)
    with pytest.raises(Busy) as busy:
        await desk.worker(job).run(task)
    await asyncio.sleep(busy.value.retry_after_s + 0.02)
    assert (await desk.worker(job).run(task)).status == "succeeded"


async def test_a_worker_known_to_be_dead_is_not_waited_for(desk: Desk) -> None:
    job = desk.job()
    await Claims(desk.state, "dead").acquire(desk.task(job).key, 3600)
    worker = desk.worker(job, is_dead=lambda owner: owner == "dead")
    assert (await worker.run(desk.task(job))).status == "succeeded"


async def test_a_late_worker_gets_claim_lost_and_leaves_no_trace(desk: Desk) -> None:
    """Even its large value must not overwrite the one that the stored outcome refers to."""
    answers = iter(["right " * 2000, "late " * 2000])
    script = Script(text=lambda request: next(answers), latency_s=lambda number: 0.6 if number == 1 else 0)
    job = desk.job(script, lease_s=0.3)
    late = desk.worker(job)
    late._leases._renew = lambda lease: asyncio.sleep(0)  # type: ignore[method-assign]  # a stalled process renews nothing
    running = asyncio.create_task(late.run(desk.task(job)))
    await asyncio.sleep(0.4)
    other = desk.worker(job)
    outcome = await other.run(desk.task(job))
    with pytest.raises(ClaimLost):
        await running
    stored = await desk.worker(job).run(desk.task(job))
    assert stored.replayed
    assert stored.worker == other.name
    assert outcome.value is not None
    assert await desk.artifacts.unpack(outcome.value) == "right " * 2000


async def test_a_task_longer_than_its_lease_keeps_it(desk: Desk) -> None:
    script = Script(latency_s=1.0)
    job = desk.job(script, lease_s=0.3)
    running = asyncio.create_task(desk.worker(job).run(desk.task(job)))
    other = desk.worker(job)
    await until(lambda: script.calls)
    while not running.done():
        if not script.ended:
            with pytest.raises(Busy):
                await other.run(desk.task(job))
        await asyncio.sleep(0.1)
    assert (await running).status == "succeeded"
    assert script.calls == 1


async def test_a_short_lease_is_renewed_in_time_beside_a_long_one(desk: Desk) -> None:
    patient, hasty = Script(latency_s=1.0), Script(latency_s=1.0)
    long_job, short_job = desk.job(patient, lease_s=600.0), desk.job(hasty, lease_s=0.3)
    worker = desk.worker(long_job)
    worker.register(short_job)
    long_run = asyncio.create_task(worker.run(desk.task(long_job)))
    await until(lambda: patient.calls)
    await asyncio.sleep(0.05)
    short_run = asyncio.create_task(worker.run(desk.task(short_job)))
    await asyncio.sleep(0.6)
    with pytest.raises(Busy):
        await desk.worker(short_job).run(desk.task(short_job))
    assert (await short_run).status == (await long_run).status == "succeeded"


async def test_a_worker_whose_lease_was_taken_is_stopped_early(desk: Desk) -> None:
    script = Script(latency_s=30)
    job = desk.job(script, lease_s=0.3)
    running = asyncio.create_task(desk.worker(job).run(desk.task(job)))
    await until(lambda: script.calls)
    thief = Claims(desk.state, "thief", is_dead=lambda owner: True)
    await thief.acquire(desk.task(job).key, 60)
    with pytest.raises(ClaimLost):
        await asyncio.wait_for(running, 5)
    assert script.cancelled == 1
    record = await claims.read(desk.state, desk.task(job).key)
    assert record is not None
    assert record.owner == "thief"


async def test_cancelling_gives_the_claim_back(desk: Desk) -> None:
    script = Script(latency_s=lambda number: 30 if number == 1 else 0)
    job = desk.job(script, lease_s=3600.0)
    running = asyncio.create_task(desk.worker(job).run(desk.task(job)))
    await until(lambda: script.calls)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert script.cancelled == 1
    assert (await desk.worker(job).run(desk.task(job))).status == "succeeded"


async def test_a_far_admission_is_handed_back_with_a_ticket_that_works_later(desk: Desk) -> None:
    script = Script()
    limit = LimitSpec(name="slow", requests_per_minute=120, burst_seconds=0.5)
    job = desk.job(script, limits=(limit,))
    job = msgspec.structs.replace(job, model_options={job.models.map: ModelOptions(limits=("slow",))})
    worker = desk.worker(job, max_wait_s=0.05)
    assert (await worker.run(desk.task(job, number=0))).status == "succeeded"
    with pytest.raises(Deferred) as deferred:
        await worker.run(desk.task(job, number=1))
    assert 0.05 < deferred.value.wait_s <= 0.6
    assert [ticket.limit for ticket in deferred.value.task.tickets] == ["slow"]
    assert script.calls == 1
    await asyncio.sleep(deferred.value.wait_s)
    assert (await worker.run(deferred.value.task)).status == "succeeded"
    assert script.calls == 2


async def test_a_ticket_that_was_used_is_not_handed_back_again(desk: Desk) -> None:
    """It would be redeemed twice, or give back capacity that was consumed."""
    script = Script(failures={2: Throttled("slow down", retry_after_s=5)})
    limit = LimitSpec(name="slow", requests_per_minute=120, burst_seconds=0.5)
    job = desk.job(script, limits=(limit,))
    job = msgspec.structs.replace(job, model_options={job.models.map: ModelOptions(limits=("slow",))})
    worker = desk.worker(job, max_wait_s=0.05)
    await worker.run(desk.task(job, number=0))
    with pytest.raises(Deferred) as admission:
        await worker.run(desk.task(job, number=1))
    await asyncio.sleep(admission.value.wait_s)
    with pytest.raises(Deferred) as backoff:
        await worker.run(admission.value.task)
    assert backoff.value.wait_s >= 5
    assert backoff.value.task.tickets == ()


async def test_throttling_never_fails_a_task_while_its_deadline_stands(desk: Desk) -> None:
    script = Script(failures={n: Throttled("429", retry_after_s=0.001) for n in range(1, 31)})
    job = desk.job(script)
    outcome = await desk.worker(job).run(desk.task(job))
    assert outcome.status == "succeeded"
    assert (outcome.retries, outcome.throttled, outcome.usage.calls) == (30, 30, 1)


async def test_throttling_beyond_the_deadline_fails_as_throttled(desk: Desk) -> None:
    script = Script(fails=lambda number, request: Throttled("429", retry_after_s=3600))
    job = desk.job(script)
    outcome = await desk.worker(job).run(desk.task(job, deadline=time.time() + 60))
    assert outcome.failure is not None
    assert (outcome.failure.kind, outcome.failure.retryable) == (FailureClass.THROTTLED, True)
    assert script.calls == 1


async def test_transient_failures_are_tried_as_often_as_the_policy_says(desk: Desk) -> None:
    recovers = Script(failures={1: Transient("502", code="http_502"), 2: Transient("reset")})
    job = desk.job(recovers)
    assert (await desk.worker(job).run(desk.task(job))).status == "succeeded"
    broken = Script(fails=lambda number, request: Transient("502", code="http_502"))
    job = desk.job(broken, breaker_failures=100)
    outcome = await desk.worker(job).run(desk.task(job))
    assert outcome.failure is not None
    assert (outcome.failure.kind, outcome.failure.code) == (FailureClass.TRANSIENT, "http_502")
    assert (broken.calls, outcome.retries) == (3, 2)


async def test_a_permanent_failure_is_not_tried_again_and_its_outcome_is_kept(desk: Desk) -> None:
    script = Script(failures={1: Permanent("bad key", code="auth", remedy="set the key")})
    job = desk.job(script)
    outcome = await desk.worker(job).run(desk.task(job))
    assert outcome.failure is not None
    assert (outcome.failure.kind, outcome.failure.remedy) == (FailureClass.PERMANENT, "set the key")
    assert (await desk.worker(job).run(desk.task(job))).replayed
    assert script.calls == 1
    assert (await desk.worker(job, retry_failed=True).run(desk.task(job))).status == "succeeded"


async def test_a_call_that_hangs_times_out_and_is_tried_again(desk: Desk) -> None:
    script = Script(latency_s=lambda number: 60 if number == 1 else 0)
    job = desk.job(script, call_timeout_s=0.05)
    outcome = await desk.worker(job).run(desk.task(job))
    assert (outcome.status, outcome.retries, script.cancelled) == ("succeeded", 1, 1)


async def test_the_branch_timeout_bounds_a_task_with_all_its_waits(desk: Desk) -> None:
    script = Script(fails=lambda number, request: Throttled("429", retry_after_s=0.02))
    job = desk.job(script, completion=CompletionPolicy(branch_timeout_s=0.2))
    outcome = await desk.worker(job).run(desk.task(job))
    assert outcome.failure is not None
    assert outcome.failure.kind in (FailureClass.TIMEOUT, FailureClass.THROTTLED)

    async def sleeps(context: Context, chunk: Chunk) -> Any:
        await asyncio.sleep(60)

    job = desk.job(completion=CompletionPolicy(branch_timeout_s=0.05))
    outcome = await desk.worker(job, sleeps).run(desk.task(job))
    assert outcome.failure is not None
    assert (outcome.failure.kind, outcome.failure.retryable) == (FailureClass.TIMEOUT, True)


async def test_an_open_breaker_fails_fast_and_recovers_through_a_probe(desk: Desk) -> None:
    script = Script(fails=lambda number, request: Transient("503") if number <= 3 else None)
    once = RetryPolicy(attempts=1)
    job = desk.job(script, retry=once, breaker_failures=3, breaker_cooldown_s=0.3)
    worker = desk.worker(job)
    for number in range(3):
        await worker.run(desk.task(job, number=number))
    outcome = await worker.run(desk.task(job, number=3))
    assert outcome.failure is not None
    assert outcome.failure.kind is FailureClass.BREAKER
    assert script.calls == 3
    await asyncio.sleep(0.35)
    assert (await worker.run(desk.task(job, number=4))).status == "succeeded"
    assert (await worker.run(desk.task(job, number=5))).status == "succeeded"


async def test_a_reached_budget_skips_the_task_and_a_raised_one_runs_it(desk: Desk) -> None:
    script = Script()
    job = desk.job(script, budget=Budget(usd=0.002))
    worker = desk.worker(job)
    outcomes = [await worker.run(desk.task(job, number=number)) for number in range(4)]
    assert [outcome.status for outcome in outcomes] == ["succeeded", "succeeded", "skipped", "skipped"]
    assert script.calls == 2
    assert (await budget.spent(desk.state, job.job_id)).usd == pytest.approx(0.002)
    richer = msgspec.structs.replace(job, budget=Budget(usd=1.0))
    assert (await desk.worker(richer).run(desk.task(job, number=2))).status == "succeeded"


async def test_concurrent_workers_never_pass_the_ceiling_and_refund_what_they_did_not_use(desk: Desk) -> None:
    script = Script(estimate=Usage(calls=1, input_tokens=10, output_tokens=90, usd=0.01), latency_s=0.005)
    job = desk.job(script, budget=Budget(usd=0.05, scope=f"team-{os.urandom(3).hex()}"))
    workers = [desk.worker(job) for _ in range(4)]
    outcomes = await asyncio.gather(*[workers[number % 4].run(desk.task(job, number=number)) for number in range(40)])
    assert script.most_in_flight <= 5
    succeeded = sum(outcome.status == "succeeded" for outcome in outcomes)
    assert job.budget is not None
    assert (await budget.spent(desk.state, job.budget.scope)).usd == pytest.approx(succeeded * 0.001)


async def test_large_values_travel_as_artifacts(desk: Desk) -> None:
    job = desk.job(Script(text=lambda request: "é" * INLINE_LIMIT))
    outcome = await desk.worker(job).run(desk.task(job))
    assert isinstance(outcome.value, Ref)
    assert await desk.artifacts.unpack(outcome.value) == "é" * INLINE_LIMIT
    record = await claims.read(desk.state, desk.task(job).key)
    assert record is not None
    assert len(msgspec.json.encode(record)) < 4096


async def test_a_huge_error_is_a_preview_with_the_whole_as_an_artifact(desk: Desk) -> None:
    async def fails(context: Context, chunk: Chunk) -> Any:
        raise ValueError("x" * 1_000_000)

    job = desk.job()
    outcome = await desk.worker(job, fails).run(desk.task(job))
    assert outcome.failure is not None
    assert len(outcome.failure.message) <= 500
    assert isinstance(outcome.failure.detail, Ref)
    assert "x" * 1_000_000 in await desk.artifacts.unpack(outcome.failure.detail)
    huge = Script(failures={1: Permanent("y" * 100_000, code="z" * 100_000, remedy="r" * 100_000)})
    job = desk.job(huge)
    outcome = await desk.worker(job).run(desk.task(job))
    assert len(msgspec.json.encode(outcome)) < 4096


async def test_unicode_and_control_characters_come_back_as_they_were(desk: Desk) -> None:
    text = "naïve 漢字 🧑‍🚀 \u202e עברית \x00 \x7f"

    async def echo(context: Context, chunk: Chunk) -> Any:
        return chunk.text

    job = desk.job()
    await desk.worker(job, echo).run(desk.task(job, text))
    assert (await desk.worker(job).run(desk.task(job, text))).value == Inline(text)


async def test_a_run_and_its_replay_give_the_same_value(desk: Desk) -> None:
    """A tuple is a list after JSON: the first run must not see another value than a resumed one."""

    async def odd(context: Context, chunk: Chunk) -> Any:
        return {1: ("a", "b"), "nan": float("nan")}

    job = desk.job()
    first = await desk.worker(job, odd).run(desk.task(job))
    again = await desk.worker(job, odd).run(desk.task(job))
    assert first.value == again.value == Inline({"1": ["a", "b"], "nan": None})


async def test_the_model_gets_the_trace_of_its_job_and_the_idempotency_key(desk: Desk) -> None:
    script = Script(failures={1: Transient("502")})
    job = desk.job(script)
    parent = trace.new()
    task = desk.task(job, traceparent=parent)
    outcome = await desk.worker(job).run(task)
    assert {trace.trace_id(request.traceparent) for request in script.requests} == {trace.trace_id(parent)}
    assert all(request.traceparent != parent for request in script.requests)
    assert {request.idempotency_key for request in script.requests} == {task.key}
    assert outcome.traceparent == parent


async def test_a_worker_learns_a_job_from_its_settings_once(desk: Desk) -> None:
    from shared_agent.spec import wire
    from shared_agent.worker.kinds import TaskKind
    from shared_agent.worker.worker import Worker, settings_path
    from tests.unit.worker.conftest import shout

    script = Script()
    job = desk.job(script)
    await desk.artifacts.put(settings_path(job.job_id), wire.encode(job))
    registered = 0

    def resolve(settings: Any) -> TaskKind:
        nonlocal registered
        registered += 1
        return TaskKind(name="own", map=shout)

    worker = Worker(state=desk.state, artifacts=desk.artifacts, resolve=resolve)
    outcomes = await asyncio.gather(*[worker.run(desk.task(job, number=number)) for number in range(8)])
    await worker.aclose()
    assert {outcome.status for outcome in outcomes} == {"succeeded"}
    assert registered == 1


async def test_roles_are_played_by_their_models(desk: Desk) -> None:
    mapper, judge = Script(), Script()
    job = desk.job(models=ModelRoles(map=scripted(mapper), judge=scripted(judge)))

    async def asks_both(context: Context, chunk: Chunk) -> Any:
        await context.complete(chunk.text)
        return (await context.complete(chunk.text, role="judge")).text

    await desk.worker(job, asks_both).run(desk.task(job))
    assert (mapper.calls, judge.calls) == (1, 1)


async def test_a_probe_that_is_throttled_shows_that_the_target_works(desk: Desk) -> None:
    def fails(number: int, request: Any) -> Exception | None:
        return Transient("503") if number == 1 else Throttled("429", retry_after_s=3600) if number == 2 else None

    script = Script(fails=fails)
    job = desk.job(script, retry=RetryPolicy(attempts=1), breaker_failures=1, breaker_cooldown_s=0.2)
    worker = desk.worker(job, max_wait_s=1)
    assert (await worker.run(desk.task(job, number=0))).status == "failed"
    await asyncio.sleep(0.25)
    with pytest.raises(Deferred):
        await worker.run(desk.task(job, number=1))
    assert (await worker.run(desk.task(job, number=2))).status == "succeeded"


async def test_a_worker_that_is_cancelled_as_it_loses_its_lease_is_cancelled(desk: Desk) -> None:
    async def cleans_up(context: Context, chunk: Chunk) -> Any:
        try:
            await asyncio.sleep(30)
        finally:
            running.cancel()

    job = desk.job(lease_s=0.3)
    running = asyncio.create_task(desk.worker(job, cleans_up).run(desk.task(job)))
    await asyncio.sleep(0.05)
    await Claims(desk.state, "thief", is_dead=lambda owner: True).acquire(desk.task(job).key, 60)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(asyncio.shield(running), 5)
    assert running.cancelled()
