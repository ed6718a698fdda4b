"""A whole ``Worker.run`` on a model that does nothing: ``python -m benchmarks.fanout.worker_run EMBEDDING N CAP``.

A task is claimed, its handler asks the model once, and its outcome is stored, on state and artifacts in memory. EMBEDDING:

    pool          a Pool of Worker.run; the handler promises a single call (calls="one")
    journal       the same without that promise: the reply is stored as a step of its own
    coordinator   the local runtime's coordinator with completion policy, coverage and eager reduction in groups of ten;
                  its reduce tasks are counted like any other
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

from benchmarks.measure import Sample, hand_over, sampled
from shared_agent.models import register_provider
from shared_agent.models.types import Reply, Request
from shared_agent.patterns.pool import Pool
from shared_agent.runtimes.local.coordinator import Coordinator
from shared_agent.spec import ids
from shared_agent.spec.completion import CompletionPolicy
from shared_agent.spec.document import Chunk
from shared_agent.spec.outcome import Outcome
from shared_agent.spec.payload import Inline
from shared_agent.spec.settings import JobSettings, ModelRoles
from shared_agent.spec.task import Task
from shared_agent.spec.tree import Node, Tree, task_id
from shared_agent.spec.usage import Usage
from shared_agent.stores import open_artifacts, open_state
from shared_agent.worker.context import Context
from shared_agent.worker.kinds import TaskKind
from shared_agent.worker.worker import Worker

_USAGE = Usage(calls=1, input_tokens=10, output_tokens=1)


class NoOp:
    """Answers at the next turn of the event loop."""

    name = "noop:model"

    async def complete(self, request: Request) -> Reply:
        await asyncio.sleep(0)
        return Reply(text="ok", model=self.name, usage=_USAGE)

    def estimate(self, request: Request) -> Usage:
        return _USAGE

    async def aclose(self) -> None:
        """Nothing is open."""


async def _map(context: Context, chunk: Chunk) -> str:
    return (await context.complete(chunk.text)).text


async def _reduce(context: Context, values: Sequence[Any]) -> str:
    return (await context.complete(" ".join(values))).text


def _settings(job_id: str, cap: int) -> JobSettings:
    return JobSettings(
        job_id=job_id,
        kind="noop",
        models=ModelRoles(map=NoOp.name),
        completion=CompletionPolicy(branch_timeout_s=60.0),
        concurrency=cap,
    )


def _tasks(job_id: str, count: int) -> list[Task]:
    tasks: list[Task] = []
    for index in range(count):
        chunk = Inline(msgspec.to_builtins(Chunk(source=f"{index}.txt", text="a text")))
        name = task_id(Node(0, index))
        key = ids.idempotency_key(job_id, name, (chunk,))
        tasks.append(Task(job_id=job_id, task_id=name, key=key, stage="map", inputs=(chunk,), source=f"{index}.txt"))
    return tasks


async def measure(embedding: str, count: int, cap: int) -> Sample:
    """Run ``count`` map tasks, at most ``cap`` at once. The sample is scaled to ``count`` tasks."""
    register_provider("noop", lambda opening: NoOp())
    kind = TaskKind(name="noop", map=_map, reduce=_reduce, calls="many" if embedding == "journal" else "one")
    worker = Worker(state=open_state("memory://"), artifacts=open_artifacts("memory://"), resolve=lambda _: kind)
    run = _coordinate if embedding == "coordinator" else _pool
    try:
        await run(worker, _settings("warm-up", cap), _tasks("warm-up", 50))
        settings, tasks = _settings("measured", cap), _tasks("measured", count)
        with sampled() as sample:
            ran = await run(worker, settings, tasks)
        sample.cpu_s *= count / ran
        return sample
    finally:
        await worker.aclose()


async def _pool(worker: Worker, settings: JobSettings, tasks: list[Task]) -> int:
    worker.register(settings)
    succeeded = 0

    def on_done(task: Task, outcome: Outcome | None, error: BaseException | None) -> None:
        nonlocal succeeded
        if error is not None:
            raise error
        succeeded += outcome is not None and outcome.status == "succeeded"

    await Pool(worker.run, tasks, cap=settings.concurrency, on_done=on_done).join()
    assert succeeded == len(tasks)
    return succeeded


async def _coordinate(worker: Worker, settings: JobSettings, tasks: list[Task]) -> int:
    worker.register(settings)

    async def source() -> AsyncIterator[Task]:
        for task in tasks:
            yield task

    coordinator = Coordinator(worker, settings, source(), leaves=len(tasks), reducible=True)
    await coordinator.run()
    assert coordinator.fan_in.counts.succeeded == len(tasks)
    return len(tasks) + Tree(settings.group_size).calls(len(tasks))


if __name__ == "__main__":
    hand_over(asyncio.run(measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
