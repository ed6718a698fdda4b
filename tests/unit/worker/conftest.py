"""A worker as a runtime would hold it: on real shared state, with a scripted model and a handler of the test's own."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from shared_agent.spec import ids
from shared_agent.spec.document import Chunk
from shared_agent.spec.payload import Inline
from shared_agent.spec.settings import JobSettings, ModelRoles, RetryPolicy
from shared_agent.spec.task import Task
from shared_agent.stores import Artifacts, StateStore, open_artifacts, open_state
from shared_agent.worker.context import Context
from shared_agent.worker.kinds import TaskKind
from shared_agent.worker.worker import Worker
from tests.support.scripted_model import Script, scripted

_jobs = itertools.count(1)
FAST = RetryPolicy(attempts=3, base_s=0.001, cap_s=0.002)

Handler = Callable[[Context, Chunk], Awaitable[Any]]


async def shout(context: Context, chunk: Chunk) -> Any:
    """One call, its text."""
    return (await context.complete(chunk.text)).text


@dataclass(slots=True)
class Desk:
    """What tests start workers and tasks from. ``state_url`` may be opened again by who needs a process of its own."""

    state: StateStore
    artifacts: Artifacts
    state_url: str
    workers: list[Worker] = field(default_factory=list)

    def job(self, script: Script | None = None, **settings: Any) -> JobSettings:
        name = scripted(script or Script())
        chosen: dict[str, Any] = {"retry": FAST, "models": ModelRoles(map=name), "max_output_tokens": 5} | settings
        return JobSettings(job_id=f"job-{next(_jobs)}", kind="own", **chosen)

    def worker(
        self, job: JobSettings, handler: Handler = shout, *, calls: str = "many", reduce: Any = None, **options: Any
    ) -> Worker:
        kind = TaskKind(name="own", map=handler, reduce=reduce, calls=calls)  # type: ignore[arg-type]
        worker = Worker(state=self.state, artifacts=self.artifacts, resolve=lambda _: kind, **options)
        worker.register(job)
        self.workers.append(worker)
        return worker

    def task(self, job: JobSettings, text: str = "hello", number: int = 0, **fields: Any) -> Task:
        task_id = f"map-{number:06}"
        return Task(
            job_id=job.job_id,
            task_id=task_id,
            key=ids.idempotency_key(job.job_id, task_id, text),
            stage="map",
            inputs=(Inline({"source": "a.txt", "text": text}),),
            source="a.txt",
            **fields,
        )


@pytest.fixture(scope="session")
def valkey_folder() -> Iterator[str]:
    """Kept open for the whole session, so that one server serves every test."""
    with tempfile.TemporaryDirectory(prefix="sa-") as folder:
        keeper = open_state(f"valkey:///{folder}")
        yield folder
        asyncio.run(keeper.aclose())


@pytest.fixture(params=["sqlite", "valkey"])
async def desk(request: pytest.FixtureRequest, tmp_path: Path, valkey_folder: str) -> AsyncIterator[Desk]:
    url = {"sqlite": f"sqlite:///{tmp_path}/state.db", "valkey": f"valkey:///{valkey_folder}"}[request.param]
    state = open_state(url)
    desk = Desk(state, open_artifacts(str(tmp_path / "artifacts")), url)
    yield desk
    for worker in desk.workers:
        await worker.aclose()
    await state.aclose()
