"""Three ways to run the same tree, each really sleeping its latencies; every one returns when the root is done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from benchmarks.tree.latency import GROUP_SIZE, LEAVES, Grove
from shared_agent.patterns.pool import Pool
from shared_agent.runtimes.local.coordinator import Coordinator
from shared_agent.runtimes.local.reduction import Reduction, Result
from shared_agent.spec import ids
from shared_agent.spec.coverage import Coverage
from shared_agent.spec.document import Chunk
from shared_agent.spec.payload import Inline
from shared_agent.spec.settings import JobSettings
from shared_agent.spec.task import Task
from shared_agent.spec.tree import Node, Tree, task_id
from shared_agent.stores import open_artifacts, open_state
from shared_agent.worker import Context, TaskKind, Worker

_JOB = "tree"
_ONE = Coverage(submitted=1, succeeded=1)


async def level_barrier(grove: Grove, cap: int | None) -> None:
    """Seed §05: a gather a level, each after the former has ended."""
    semaphore = asyncio.Semaphore(cap or LEAVES)

    async def call(latency: float) -> None:
        async with semaphore:
            await asyncio.sleep(latency)

    for level in grove.levels:
        await asyncio.gather(*map(call, level))


async def eager(grove: Grove, cap: int | None) -> None:
    """Pool and Reduction: what the local runtime schedules with."""
    reduction = Reduction(Tree(GROUP_SIZE), LEAVES)

    async def run(node: Node) -> Node:
        await asyncio.sleep(grove.latency(node))
        return node

    def on_done(node: Node, done: Node | None, error: BaseException | None) -> None:
        if error is not None:
            raise error
        group = reduction.done(node, Result(Inline(None), _ONE))
        if group is not None:
            pool.submit(group.node)

    pool: Pool[Node, Node] = Pool(run, (Node(0, index) for index in range(LEAVES)), cap=cap or LEAVES, on_done=on_done)
    await pool.join()
    assert reduction.root is not None


async def whole_worker(grove: Grove, cap: int | None) -> None:
    """The Coordinator, with every node a task that is claimed, run and stored."""

    async def at(node: Node) -> str:
        await asyncio.sleep(grove.latency(node))
        return task_id(node)

    async def map_chunk(context: Context, chunk: Chunk) -> str:
        return await at(nodes[context.task.task_id])

    async def reduce(context: Context, values: Sequence[Any]) -> str:
        return await at(nodes[context.task.task_id])

    async def tasks() -> AsyncIterator[Task]:
        for task in ready:
            yield task

    nodes = {task_id(node): node for level, row in enumerate(grove.levels) for node in _row(level, len(row))}
    ready = [_task(index) for index in range(LEAVES)]
    kind = TaskKind(name="tree", map=map_chunk, reduce=reduce, calls="one")
    settings = JobSettings(job_id=_JOB, kind="tree", group_size=GROUP_SIZE, concurrency=cap or LEAVES)
    worker = Worker(state=open_state("memory://"), artifacts=open_artifacts("memory://"), resolve=lambda _: kind)
    worker.register(settings)
    try:
        coordinator = Coordinator(worker, settings, tasks(), leaves=LEAVES, reducible=True)
        await coordinator.run()
        assert coordinator.fan_in.coverage.complete
    finally:
        await worker.aclose()


def _row(level: int, width: int) -> list[Node]:
    return [Node(level, index) for index in range(width)]


def _task(index: int) -> Task:
    name = task_id(Node(0, index))
    chunk = Inline({"source": f"{index}.txt", "text": "a text"})
    return Task(job_id=_JOB, task_id=name, key=ids.idempotency_key(_JOB, name, (chunk,)), stage="map", inputs=(chunk,))


SCHEDULES = {"level barrier (seed)": level_barrier, "eager": eager, "eager, whole worker": whole_worker}
