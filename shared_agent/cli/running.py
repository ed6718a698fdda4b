"""``run`` and ``resume``: a job from its file to its result, on this machine.

job file ─► preflight ─► inputs ─► run, follow or look up ─► summary
└────── bad input ends here, nothing written ──┘
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from pathlib import Path

import msgspec

from shared_agent.cli import exits, output, summary
from shared_agent.cli.interrupts import Interrupts
from shared_agent.cli.place import Changes, Place
from shared_agent.cli.progress import Show, shown
from shared_agent.errors import InputError
from shared_agent.inputs.jobfile import load_job
from shared_agent.runtimes.local import preflight
from shared_agent.runtimes.local import record as records
from shared_agent.runtimes.local.home import Home
from shared_agent.runtimes.local.record import JobRecord, Progress
from shared_agent.runtimes.local.runtime import LocalRuntime
from shared_agent.runtimes.result import JobResult
from shared_agent.runtimes.submission import Submission, prepare
from shared_agent.spec.job import Job
from shared_agent.stores import open_artifacts

_SILENT_READING_S = 3.0


def run(file: Path, changes: Changes, place: Place, *, as_json: bool, retry_failed: bool) -> int:
    """Run the job in ``file``; returns the exit code."""
    loaded, base = load_job(file)
    job = changes.apply(loaded)

    async def main() -> int:
        return await _Run(place, as_json=as_json, retry_failed=retry_failed).to_the_end(job, base)

    return asyncio.run(main())


def resume(job_id: str, place: Place, *, as_json: bool, retry_failed: bool) -> int:
    """Go on with a job known here; returns the exit code."""

    async def main() -> int:
        this = _Run(place, as_json=as_json, retry_failed=retry_failed)
        state = place.open_state()
        try:
            record = known(await records.read(state, job_id), job_id)
        finally:
            await state.aclose()
        submitted = await open_artifacts(Home(place.home).artifacts_url).get(records.job_path(job_id))
        return await this.to_the_end(Job.parse(msgspec.json.decode(submitted)), Path(record.base), record)

    return asyncio.run(main())


def known(record: JobRecord | None, job_id: str) -> JobRecord:
    """The record, or InputError when there is none."""
    if record is None:
        raise InputError("JOB_ID", f"no job {job_id!r} is known here", remedy="`shared-agent status` lists them")
    return record


class _Run:
    """One run or resume, in its event loop."""

    def __init__(self, place: Place, *, as_json: bool, retry_failed: bool) -> None:
        self._place = place
        self._as_json = as_json
        self._retry_failed = retry_failed
        self._interrupts = Interrupts("cancelled while the inputs were being read: nothing was started")
        self._followed = False

    async def to_the_end(self, job: Job, base: Path, record: JobRecord | None = None) -> int:
        """Run ``job``; ``record`` is what is known of it when it is resumed. Returns the exit code."""
        began_at = time.time()
        with output.kept_clean(self._as_json), shown(job.name, quiet=self._as_json) as show:
            submission = await self._checked(job, base, record)
            result = await self._result(submission, show)
        return exits.guarded(lambda: self._conclude(result, began_at))

    async def _checked(self, job: Job, base: Path, record: JobRecord | None) -> Submission:
        await preflight.check(job, base, self._place.home)
        await self._place.check()
        notice = asyncio.get_running_loop().call_later(_SILENT_READING_S, self._reading)
        try:
            submission = await prepare(job, base)
        finally:
            notice.cancel()
        return submission if record is None else _same(submission, record)

    async def _result(self, submission: Submission, show: Show | None) -> JobResult:
        runtime = LocalRuntime(
            home=Home(self._place.home),
            state_url=self._place.state,
            retry_failed=self._retry_failed,
            on_progress=self._announced(submission, show) if show is not None else None,
            on_attach=lambda: self._follow(submission.job_id),
            on_takeover=lambda: self._take_over(submission.job_id),
            stop=self._interrupts.asked,
        )
        self._interrupts.farewell = None
        return await runtime.run(submission)

    def _announced(self, submission: Submission, show: Show) -> Show:
        """Says what runs when it begins to: a stored result begins nothing."""
        told = False

        def told_first(progress: Progress) -> None:
            nonlocal told
            if not told and not self._followed:
                summary.announce(submission)
            told = True
            show(progress)

        return told_first

    def _follow(self, job_id: str) -> None:
        self._followed = True
        stop = f"shared-agent cancel {job_id}{self._place.options}"
        self._interrupts.farewell = f"no longer following {job_id}, which goes on in another process (stop it: {stop})"
        exits.say(f"{job_id}: is already running in another process; following it (stop it: {stop})")

    def _take_over(self, job_id: str) -> None:
        self._followed = False
        self._interrupts.farewell = None
        exits.say(f"{job_id}: the process that ran it is gone; going on with it here")

    def _reading(self) -> None:
        if not self._as_json:
            exits.say("reading the inputs")

    def _conclude(self, result: JobResult, began_at: float) -> int:
        if self._as_json:
            output.print_json(result)
        else:
            note = summary.note_on(result, began_at=began_at, followed=self._followed)
            print(summary.conclude(result, note=note, options=self._place.options), flush=True)
        self._interrupts.leave(exits.of(result))
        return exits.of(result)


def _same(submission: Submission, record: JobRecord) -> Submission:
    """The submission under the id it had. One's own agent may have been mended since; the inputs must be the same."""
    if submission.survey.digest != record.inputs_digest:
        raise InputError(
            "inputs",
            f"have changed since {record.job_id} was submitted",
            remedy="put them back, or run the job file again: that is a new job",
        )
    settings = msgspec.structs.replace(submission.settings, job_id=record.job_id)
    return dataclasses.replace(submission, settings=settings)
