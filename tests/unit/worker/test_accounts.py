"""What a worker remembers of the calls it made: their number, their failures, and what was not the task's fault."""

from __future__ import annotations

from typing import Any

import pytest

from shared_agent.errors import Deferred, StoreUnavailable, Transient
from shared_agent.spec.document import Chunk
from shared_agent.spec.settings import RetryPolicy
from shared_agent.worker.context import Context
from tests.support.scripted_model import Script
from tests.unit.worker.conftest import Desk


async def test_every_call_that_was_started_is_counted_the_last_failing_one_too(desk: Desk) -> None:
    script = Script(fails=lambda number, request: Transient("503"))
    job = desk.job(script)
    outcome = await desk.worker(job).run(desk.task(job))
    assert outcome.status == "failed"
    assert outcome.calls == script.calls == 3
    assert outcome.retries == 2


async def test_a_task_that_is_handed_back_after_each_failure_still_runs_out_of_tries(desk: Desk) -> None:
    script = Script(fails=lambda number, request: Transient("503", retry_after_s=1))
    job = desk.job(script, retry=RetryPolicy(attempts=3, base_s=0.001, cap_s=0.002))
    worker = desk.worker(job, max_wait_s=0.05)
    task = desk.task(job)
    for tries in (1, 2):
        with pytest.raises(Deferred) as deferred:
            await worker.run(task)
        task = deferred.value.task
        assert task.tries == tries
    outcome = await worker.run(task)
    assert outcome.status == "failed"
    assert script.calls == 3


async def test_a_store_that_does_not_answer_is_no_failure_of_the_task(desk: Desk) -> None:
    away = [True]

    async def reads(context: Context, chunk: Chunk) -> Any:
        if away and away.pop():
            raise StoreUnavailable("no answer")
        return (await context.complete(chunk.text)).text

    job = desk.job()
    worker = desk.worker(job, reads)
    with pytest.raises(StoreUnavailable):
        await worker.run(desk.task(job))
    assert (await worker.run(desk.task(job))).status == "succeeded"
