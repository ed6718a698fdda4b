"""``LocalRuntime``: a job from submission to result on this machine, resumable at any point.

    prepare ─► lock ─► register ─► coordinate ─► finish ─► result, written to the output folder
                 │
                 └─ locked by another process: attach and wait for its result; take over should it die

A job is known by its content. Running it again while it runs attaches to it, after it has ended returns its result, and
after a crash goes on from what is stored.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from shared_agent.errors import InputError, StoreError
from shared_agent.handlers import resolve
from shared_agent.runtimes.local import record as records
from shared_agent.runtimes.local.coordinator import Coordinator
from shared_agent.runtimes.local.finish import at_hand, finish
from shared_agent.runtimes.local.home import Home
from shared_agent.runtimes.local.record import JobRecord, Progress
from shared_agent.runtimes.result import JobResult
from shared_agent.runtimes.submission import Submission
from shared_agent.spec import ids, wire
from shared_agent.spec.completion import EndReason
from shared_agent.spec.outcome import Outcome
from shared_agent.spec.task import Task
from shared_agent.stores import Artifacts, StateStore, open_artifacts, open_state
from shared_agent.worker.worker import Worker, settings_path

_REPORT_EVERY_S = 0.25

OnProgress = Callable[[Progress], None]
OnOutcome = Callable[[Task, Outcome], None]


@dataclass(slots=True, kw_only=True)
class LocalRuntime:
    """Runs jobs on this machine. ``state_url`` puts claims, budgets and limits elsewhere than the home's SQLite file,
    such as a Valkey that several machines share.

    ``retry_failed``: tasks that ended in a failure are run again. ``stop`` is set by whoever wants the run to end.
    ``on_attach`` is called when another process runs the job, which is then followed, and ``on_takeover`` when that one
    died and its job goes on here.
    """

    home: Home
    state_url: str = ""
    retry_failed: bool = False
    on_progress: OnProgress | None = None
    on_outcome: OnOutcome | None = None
    on_attach: Callable[[], None] | None = None
    on_takeover: Callable[[], None] | None = None
    stop: asyncio.Event | None = None

    async def run(self, submission: Submission) -> JobResult:
        """Run, resume or attach to a job. Raises InputError and StoreError; a failed job is a result."""
        state = open_state(self.state_url or self.home.state_url)
        try:
            while True:
                with self.home.only_runner(submission.job_id) as mine:
                    if mine:
                        return await self._run(state, submission)
                result = await self._attach(state, submission.job_id)
                if result is not None:
                    return result
                if self.on_takeover is not None:
                    self.on_takeover()
        finally:
            await state.aclose()

    async def _run(self, state: StateStore, submission: Submission) -> JobResult:
        job_id = submission.job_id
        known = await records.read(state, job_id)
        if known is not None and known.inputs_digest != submission.survey.digest:
            raise InputError(
                "id", f"{job_id} was submitted before with other inputs", remedy="choose another id, or leave it out"
            )
        rules = submission.job.rules()
        artifacts = open_artifacts(self.home.artifacts_url)
        if known is not None and known.result is not None and known.rules == rules and self._stands(known.result):
            return await at_hand(known.result, submission, state=state, artifacts=artifacts)
        await artifacts.put(settings_path(job_id), wire.encode(submission.settings))
        await artifacts.put(records.job_path(job_id), submission.job.model_dump_json().encode())
        # The lock tells of the runners of this home alone: where others share the state, theirs are waited for.
        place = ids.digest(socket.gethostname(), str(self.home.path.resolve()))[:8] if self.state_url else "home"
        earlier = f"local:{job_id}:{place}:"
        runner = f"{earlier}{os.getpid()}-{os.urandom(3).hex()}"
        worker = Worker(
            state=state,
            artifacts=artifacts,
            resolve=resolve,
            name=runner,
            retry_failed=self.retry_failed,
            is_dead=lambda owner: owner.startswith(earlier) and owner != runner,
        )
        try:
            return await self._coordinate(worker, state, artifacts, submission, known)
        finally:
            await worker.aclose()

    async def _coordinate(
        self,
        worker: Worker,
        state: StateStore,
        artifacts: Artifacts,
        submission: Submission,
        known: JobRecord | None,
    ) -> JobResult:
        settings = submission.settings
        kind = worker.register(settings).kind
        coordinator = Coordinator(
            worker,
            settings,
            submission.tasks(),
            leaves=submission.survey.chunks,
            reducible=settings.reduce and kind.reduce is not None,
            on_outcome=self.on_outcome,
        )
        started_at = time.time()
        record = JobRecord(
            job_id=settings.job_id,
            state="running",
            name=settings.name,
            runner=worker.name,
            base=str(submission.base),
            inputs_digest=submission.survey.digest,
            rules=submission.job.rules(),
            submitted_at=known.submitted_at if known is not None else started_at,
        )
        await records.write(state, record)
        reporter = asyncio.create_task(self._report(state, record, coordinator))
        try:
            await coordinator.run()
        finally:
            reporter.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reporter
        self._tell(coordinator.progress)
        result = await finish(coordinator, kind, submission, state=state, artifacts=artifacts, started_at=started_at)
        ended = msgspec.structs.replace(record, state="ended", progress=coordinator.progress, result=result)
        await records.write(state, ended)
        return result

    async def _report(self, state: StateStore, record: JobRecord, coordinator: Coordinator) -> None:
        """Publish progress, and notice what is asked of this run."""
        while True:
            self._tell(coordinator.progress)
            running = msgspec.structs.replace(record, progress=coordinator.progress)
            asked = False
            with contextlib.suppress(StoreError):  # the next round tries again, and the run itself reports what lasts
                asked = await records.write(state, running)
            if asked or (self.stop is not None and self.stop.is_set()):
                coordinator.cancel()
            await asyncio.sleep(_REPORT_EVERY_S)

    async def _attach(self, state: StateStore, job_id: str) -> JobResult | None:
        """Follow the process that runs the job until it has let go of the lock; what it left, or None when it died."""
        if self.on_attach is not None:
            self.on_attach()
        while True:
            with self.home.only_runner(job_id) as runner_gone:
                record = await records.read(state, job_id)
            if runner_gone:
                return record.result if record is not None and record.state == "ended" else None
            if record is not None:
                self._tell(record.progress)
            if self.stop is not None and self.stop.is_set():
                raise InputError("job", f"{job_id} runs in another process", remedy=f"shared-agent cancel {job_id}")
            await asyncio.sleep(_REPORT_EVERY_S)

    def _stands(self, result: JobResult) -> bool:
        """Whether an earlier result is final: a cancelled, failed or partial one is worth another run.

        A quorum is all that was asked for, whatever it left out.
        """
        nothing_left = result.coverage.unstarted == 0 and result.coverage.skipped == 0
        ended_as_asked = nothing_left or result.reason is EndReason.QUORUM_REACHED
        return result.status == "complete" or (
            result.status == "incomplete" and not self.retry_failed and ended_as_asked
        )

    def _tell(self, progress: Progress) -> None:
        if self.on_progress is not None:
            self.on_progress(progress)
