"""The local runtime: in this process, or in a child process where a requirement kills it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from shared_agent.errors import Busy
from shared_agent.handlers import resolve
from shared_agent.runtimes.local import record
from shared_agent.runtimes.local.home import Home
from shared_agent.runtimes.local.runtime import LocalRuntime
from shared_agent.runtimes.result import JobResult
from shared_agent.runtimes.submission import Submission, prepare
from shared_agent.spec.job import Job, Output
from shared_agent.spec.outcome import Outcome
from shared_agent.spec.payload import Payload
from shared_agent.stores import open_artifacts, open_state
from shared_agent.worker import claims
from shared_agent.worker.worker import Worker
from tests.conformance.adapters.base import AGENTS_FOLDER

_BUSY_POLL_S = 0.1


@dataclass(frozen=True)
class LocalRun:
    """A run in this process; one in a child process has no ``task``, for it is there to be killed."""

    job_id: str
    task: asyncio.Task[JobResult] | None

    async def result(self) -> JobResult:
        if self.task is None:
            raise RuntimeError("a job in a child process ends by being killed; resume it first")
        return await self.task


class LocalAdapter:
    """``LocalRuntime`` on a home of its own."""

    def __init__(self) -> None:
        self._running: list[asyncio.Task[JobResult]] = []
        self._submissions: dict[str, Submission] = {}
        self._child: asyncio.subprocess.Process | None = None

    async def start(self, folder: Path, *, killable: bool) -> None:
        import_module("shared_agent.models.openai")  # takes seconds, which are not to count towards a deadline
        os.environ.setdefault("OPENAI_API_KEY", "conformance")
        self._folder = folder
        self._home = Home(folder / "home")
        self._killable = killable
        self._state = open_state(self._home.state_url)
        self._artifacts = open_artifacts(self._home.artifacts_url)

    async def stop(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self.kill()
        await self._state.aclose()

    async def submit(self, job: Job) -> LocalRun:
        job = job.model_copy(update={"output": Output(dir=str(self._folder / f"out-{len(self._submissions)}"))})
        submission = await prepare(job, AGENTS_FOLDER)
        self._submissions[submission.job_id] = submission
        if self._killable:
            await self._run_in_child(job)
            return LocalRun(submission.job_id, None)
        return self._start(submission)

    async def cancel(self, job_id: str) -> None:
        while not await record.request_cancel(self._state, job_id):
            await asyncio.sleep(0.01)

    async def kill(self) -> None:
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):
                self._child.kill()
            await self._child.wait()
            self._child = None

    async def resume(self, job_id: str) -> LocalRun:
        return self._start(self._submissions[job_id])

    async def redeliver(self, job_id: str, task_id: str) -> Outcome:
        tasks = self._submissions[job_id].tasks()
        task = await anext(task async for task in tasks if task.task_id == task_id)
        worker = Worker(state=self._state, artifacts=self._artifacts, resolve=resolve)
        try:
            while True:
                try:
                    return await worker.run(task)
                except Busy:
                    await asyncio.sleep(_BUSY_POLL_S)
        finally:
            await worker.aclose()

    async def outcomes(self, job_id: str) -> Sequence[Outcome]:
        return [outcome async for _, outcome in claims.outcomes(self._state, f"{job_id}/map-")]

    async def unpack(self, payload: Payload) -> Any:
        return await self._artifacts.unpack(payload)

    async def read_output(self, name: str) -> str:
        return await asyncio.to_thread(Path(name).read_text, encoding="utf-8")

    def _start(self, submission: Submission) -> LocalRun:
        task = asyncio.create_task(LocalRuntime(home=self._home).run(submission))
        self._running.append(task)
        return LocalRun(submission.job_id, task)

    async def _run_in_child(self, job: Job) -> None:
        job_file = self._folder / "job.json"
        job_file.write_text(job.model_dump_json(), encoding="utf-8")
        self._child = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tests.conformance.adapters.local_child", str(self._home.path), str(job_file)),
            cwd=AGENTS_FOLDER.parents[1],
        )
