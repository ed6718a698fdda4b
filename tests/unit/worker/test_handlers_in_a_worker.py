"""What a handler may do to its worker: raise anything, make many calls, die between two of them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from shared_agent.errors import Deferred, Permanent, Throttled, Transient
from shared_agent.models.types import Delta
from shared_agent.spec.completion import CompletionPolicy
from shared_agent.spec.coverage import Coverage
from shared_agent.spec.document import Chunk
from shared_agent.spec.limit import LimitSpec
from shared_agent.spec.outcome import FailureClass
from shared_agent.spec.payload import Inline, Ref
from shared_agent.spec.settings import Budget, ModelOptions, ModelRoles
from shared_agent.spec.task import Task
from shared_agent.worker import claims
from shared_agent.worker.context import Context
from tests.support.scripted_model import Script, scripted
from tests.unit.worker.conftest import FAST, Desk


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even my name")


POISON = [
    ValueError("plain"),
    KeyError("missing"),
    RecursionError(),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
    AssertionError(),
    StopAsyncIteration(),
    MemoryError(),
    OSError(2, "no file", "a\udcff.txt"),
    ValueError("lone surrogate \ud800"),
    Unspeakable(),
    ExceptionGroup("several", [ValueError("one"), TypeError("two")]),
    asyncio.InvalidStateError(),
    LookupError("\x00\u202e" * 10_000),
]


@pytest.mark.parametrize("error", POISON, ids=lambda error: type(error).__name__)
async def test_whatever_exception_a_handler_raises_is_a_stored_failure(desk: Desk, error: Exception) -> None:
    async def poison(context: Context, chunk: Chunk) -> Any:
        raise error

    job = desk.job()
    outcome = await desk.worker(job, poison).run(desk.task(job))
    assert outcome.status == "failed"
    assert outcome.failure is not None
    assert outcome.failure.kind is FailureClass.HANDLER
    again = await desk.worker(job, poison).run(desk.task(job))
    assert again.replayed
    assert again.failure == outcome.failure
    assert outcome.coverage == Coverage(submitted=1, failed=1, missing=outcome.coverage.missing)


@pytest.mark.parametrize(
    "value", [object(), {"a": {1, object()}}, "\udc80", [lambda: 0]], ids=["object", "set", "surrogate", "f"]
)
async def test_a_value_that_json_cannot_carry_is_a_failure_of_the_handler(desk: Desk, value: Any) -> None:
    async def odd(context: Context, chunk: Chunk) -> Any:
        return value

    job = desk.job()
    outcome = await desk.worker(job, odd).run(desk.task(job))
    assert outcome.failure is not None
    assert outcome.failure.kind is FailureClass.HANDLER


@pytest.mark.parametrize("data", [None, 17, {"text": "no source"}, {"source": "a", "text": None}])
async def test_a_task_without_a_chunk_is_a_stored_failure(desk: Desk, data: Any) -> None:
    job = desk.job()
    task = Task(job_id=job.job_id, task_id="map-000000", key=f"{job.job_id}/x", stage="map", inputs=(Inline(data),))
    assert (await desk.worker(job).run(task)).status == "failed"


async def test_a_task_whose_artifact_is_gone_or_outside_fails_without_a_call(desk: Desk) -> None:
    script = Script()
    job = desk.job(script)
    for number, uri in enumerate(
        [f"{desk.artifacts.root}/nowhere.json", "file:///etc/passwd", "https://example.org/x"]
    ):
        task = Task(
            job_id=job.job_id,
            task_id=f"map-{number}",
            key=f"{job.job_id}/{number}",
            stage="map",
            inputs=(Ref(uri=uri, size=1, sha256="00"),),
        )
        assert (await desk.worker(job).run(task)).status == "failed"
    assert script.calls == 0


async def test_an_exit_passes_through_and_gives_the_claim_back(desk: Desk) -> None:
    class Exit(BaseException):
        pass

    async def leaves(context: Context, chunk: Chunk) -> Any:
        raise Exit

    job = desk.job(lease_s=3600.0)
    with pytest.raises(Exit):
        await desk.worker(job, leaves).run(desk.task(job))
    record = await claims.read(desk.state, desk.task(job).key)
    assert record is not None
    assert record.state == "free"


async def test_a_handler_that_awaits_its_own_cancelled_task_has_failed_and_is_not_cancelled(desk: Desk) -> None:
    async def waits_for_a_cancelled_one(context: Context, chunk: Chunk) -> Any:
        inner = asyncio.ensure_future(asyncio.sleep(60))
        asyncio.get_running_loop().call_soon(inner.cancel)
        await inner

    job = desk.job()
    outcome = await desk.worker(job, waits_for_a_cancelled_one).run(desk.task(job))
    assert outcome.failure is not None
    assert outcome.failure.kind is FailureClass.CANCELLED


async def test_a_call_completed_before_a_crash_is_not_made_again(desk: Desk) -> None:
    script = Script()
    job = desk.job(script)
    crashes = [True]

    async def three_calls(context: Context, chunk: Chunk) -> Any:
        first = (await context.complete(f"first {chunk.text}")).text
        second = (await context.complete(f"second {first}")).text
        if crashes and crashes.pop():
            raise KeyboardInterrupt("as good as a kill")
        return (await context.complete(f"third {second}")).text

    with pytest.raises(BaseException, match="kill"):
        await _in_a_task_of_its_own(desk.worker(job, three_calls).run(desk.task(job)))
    outcome = await desk.worker(job, three_calls).run(desk.task(job))
    assert outcome.value == Inline("THIRD SECOND FIRST HELLO")
    assert script.calls == 3
    assert set(script.asked.values()) == {1}


async def _in_a_task_of_its_own(run: Any) -> Any:
    try:
        return await run
    except KeyboardInterrupt as error:  # it would end the event loop
        raise RuntimeError(str(error)) from None


async def test_the_same_question_asked_twice_is_two_calls_and_both_are_remembered(desk: Desk) -> None:
    answers = iter("abcdef")
    script = Script(text=lambda request: next(answers), latency_s=0.01)
    job = desk.job(script)
    seen: list[list[str]] = []

    async def votes(context: Context, chunk: Chunk) -> Any:
        seen.append([reply.text for reply in await asyncio.gather(*[context.complete("vote") for _ in range(3)])])
        if len(seen) == 1:
            raise SystemError
        return seen[-1]

    await desk.worker(job, votes).run(desk.task(job))
    outcome = await desk.worker(job, votes, retry_failed=True).run(desk.task(job))
    assert outcome.value == Inline(seen[0])
    assert sorted(seen[0]) == ["a", "b", "c"]
    assert script.calls == 3


async def test_a_side_effect_in_a_step_happens_once_and_gives_the_same_value(desk: Desk) -> None:
    sent: list[str] = []
    seen: list[Any] = []
    job = desk.job()
    crash = [True]

    async def sends(context: Context, chunk: Chunk) -> Any:
        async def mail() -> Any:
            sent.append(context.idempotency_key)
            return {"id": ("m", len(sent))}

        for address in ("a@example.org", "b@example.org"):
            seen.append(await context.step("mail", mail, asked=address))  # noqa: PERF401
        if crash and crash.pop():
            raise RuntimeError
        return "sent"

    await desk.worker(job, sends).run(desk.task(job))
    outcome = await desk.worker(job, sends, retry_failed=True).run(desk.task(job))
    assert outcome.status == "succeeded"
    assert sent == [desk.task(job).key] * 2
    assert seen == [{"id": ["m", 1]}, {"id": ["m", 2]}] * 2


async def test_a_tool_that_fails_in_passing_is_tried_again_and_one_that_is_wrong_is_not(desk: Desk) -> None:
    tries: list[str] = []

    async def handler(context: Context, chunk: Chunk) -> Any:
        async def flaky() -> Any:
            tries.append("flaky")
            if len(tries) < 3:
                raise ConnectionResetError("peer")
            return 1

        async def wrong() -> Any:
            tries.append("wrong")
            raise ValueError("no such city")

        await context.step("weather", flaky)
        await context.step("map", wrong)

    job = desk.job()
    outcome = await desk.worker(job, handler).run(desk.task(job))
    assert tries == ["flaky"] * 3 + ["wrong"]
    assert outcome.failure is not None
    assert "no such city" in outcome.failure.message
    assert outcome.retries == 0, "retries count model calls"


async def test_calls_in_a_task_group_defer_and_skip_like_any_other(desk: Desk) -> None:
    async def group(context: Context, chunk: Chunk) -> Any:
        async with asyncio.TaskGroup() as tasks:
            for number in range(3):
                tasks.create_task(context.complete(f"{number}"))

    job = desk.job(Script(fails=lambda number, request: Throttled("429", retry_after_s=60)))
    with pytest.raises(Deferred):
        await desk.worker(job, group, max_wait_s=1).run(desk.task(job))
    job = desk.job(budget=Budget(usd=0.0015))
    assert (await desk.worker(job, group).run(desk.task(job))).status == "skipped"


async def test_a_deferred_task_does_not_repeat_the_calls_it_has_made(desk: Desk) -> None:
    script = Script()
    slow = LimitSpec(name="slow", requests_per_minute=120, burst_seconds=0.5)
    job = desk.job(models=ModelRoles(map=scripted(script)), limits=(slow,))
    job = desk.job(
        models=job.models, limits=(slow,), model_options={job.models.map: ModelOptions(limits=("slow",))}, retry=FAST
    )

    async def two(context: Context, chunk: Chunk) -> Any:
        return [(await context.complete(text)).text for text in ("one", "two")]

    worker = desk.worker(job, two, max_wait_s=0.01)
    with pytest.raises(Deferred) as deferred:
        await worker.run(desk.task(job))
    await asyncio.sleep(deferred.value.wait_s)
    assert (await worker.run(deferred.value.task)).value == Inline(["ONE", "TWO"])
    assert script.calls == 2


async def test_a_stream_arrives_in_pieces_and_is_accounted_for(desk: Desk) -> None:
    script = Script(failures={1: Transient("reset")})
    job = desk.job(script)

    async def reads(context: Context, chunk: Chunk) -> Any:
        return [delta.text or delta.reply is not None async for delta in context.stream(chunk.text)]

    outcome = await desk.worker(job, reads).run(desk.task(job))
    assert outcome.value == Inline(["one ", "two ", "three", True])
    assert (outcome.usage.calls, script.calls) == (1, 2)


async def test_a_stream_that_breaks_after_its_first_piece_is_not_begun_again(desk: Desk) -> None:
    script = Script(stall_after_pieces=True)
    job = desk.job(script, call_timeout_s=0.05)
    pieces: list[Delta] = []

    async def reads(context: Context, chunk: Chunk) -> Any:
        pieces.extend([delta async for delta in context.stream(chunk.text)])

    outcome = await desk.worker(job, reads).run(desk.task(job))
    assert outcome.status == "failed"
    assert script.calls == 1


async def test_leaving_a_stream_early_closes_it(desk: Desk) -> None:
    script = Script(pieces=["x"] * 1000)
    job = desk.job(script)

    async def first_piece(context: Context, chunk: Chunk) -> Any:
        stream = context.stream(chunk.text)
        delta = await anext(stream)
        await stream.aclose()
        return delta.text

    outcome = await desk.worker(job, first_piece).run(desk.task(job))
    assert outcome.value == Inline("x")
    assert script.in_flight == 0
    assert script.ended == 0


async def test_embeddings_stand_under_the_same_budget(desk: Desk) -> None:
    script = Script()
    job = desk.job(script, budget=Budget(usd=0.0015))

    async def embeds(context: Context, chunk: Chunk) -> Any:
        return [list(vector) for vector in (await context.embed([chunk.text, "b"])).vectors]

    worker = desk.worker(job, embeds)
    assert (await worker.run(desk.task(job, number=0))).value == Inline([[1.0, 0.0]] * 2)
    assert (await worker.run(desk.task(job, number=1))).status == "skipped"


async def test_a_reducer_gets_its_values_in_order_lifted_and_is_told_what_is_missing(desk: Desk) -> None:
    async def joins(context: Context, values: Any) -> Any:
        return {"joined": list(values), "missing": context.coverage.describe_missing()}

    job = desk.job(Script(failures={1: Permanent("no")}))
    worker = desk.worker(job, reduce=joins)
    lost = await worker.run(desk.task(job, "lost", 0))
    task = Task(
        job_id=job.job_id,
        task_id="reduce-1-000000",
        key=f"{job.job_id}/r",
        stage="reduce",
        inputs=(Inline("a"), Inline("b")),
        unlifted=(0,),
        coverage=Coverage(submitted=3, succeeded=2, failed=1, missing=lost.coverage.missing),
    )
    outcome = await worker.run(task)
    assert outcome.value == Inline({"joined": ["a", "b"], "missing": "1 of 3 inputs are missing: a.txt (failed: no)"})
    assert outcome.coverage == task.coverage


async def test_a_cancelled_task_whose_outcome_is_being_stored_still_stores_it(desk: Desk) -> None:
    job = desk.job()
    worker = desk.worker(job)
    storing = asyncio.Event()
    complete = worker._claims.complete

    async def slowly(held: Any, outcome: Any) -> None:
        storing.set()
        await asyncio.sleep(0.05)
        await complete(held, outcome)

    worker._claims.complete = slowly  # type: ignore[method-assign]  # a store that is far away
    running = asyncio.create_task(worker.run(desk.task(job)))
    await storing.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (await desk.worker(job).run(desk.task(job))).replayed


async def test_a_branch_timeout_during_a_call_settles_everything(desk: Desk) -> None:
    script = Script(latency_s=60)
    job = desk.job(script, completion=CompletionPolicy(branch_timeout_s=0.05), budget=Budget(usd=0.0015))
    worker = desk.worker(job)
    outcome = await worker.run(desk.task(job, number=0))
    assert outcome.failure is not None
    assert outcome.failure.kind is FailureClass.TIMEOUT
    assert script.in_flight == 0
    # The cut-off call may have been billed: its estimate stays spent.
    assert (await worker.run(desk.task(job, number=1))).status == "skipped"
