"""``run`` and ``resume``: a job from its file to its result, on this machine."""

from __future__ import annotations

import asyncio
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec

from shared_agent.cli import exits, summary
from shared_agent.cli.progress import shown
from shared_agent.errors import InputError
from shared_agent.inputs.jobfile import load_job
from shared_agent.runtimes.local import record as records
from shared_agent.runtimes.local.home import Home
from shared_agent.runtimes.local.runtime import LocalRuntime
from shared_agent.runtimes.result import JobResult
from shared_agent.runtimes.submission import Submission, prepare
from shared_agent.spec.job import Job
from shared_agent.stores import StateStore, open_state


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What the command line changes of the job file."""

    inputs: tuple[str, ...] = ()
    model: str | None = None
    concurrency: int | None = None
    out: Path | None = None

    def apply(self, job: Job) -> Job:
        """The changed job, checked again as a whole."""
        data = job.model_dump(exclude_unset=True)
        if self.inputs:
            data["inputs"] = [word if "://" in word else _from_here(word) for word in self.inputs]
        if self.model is not None:
            data["models"] = self.model
        if self.concurrency is not None:
            data["concurrency"] = self.concurrency
        if self.out is not None:
            data["output"] = {"dir": str(self.out.resolve())}
        return Job.parse(data)


def _from_here(word: str) -> dict[str, str]:
    """A path relative to the current folder, not to the job file; documents are named as it was typed."""
    return {"path": str(Path.cwd() / Path(word).expanduser()), "source": word.rstrip("/")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where jobs are kept: a home folder, and shared state elsewhere if ``state`` names it."""

    home: Path
    state: str = ""

    def open_state(self) -> StateStore:
        """The state store. Raises InputError when there is no job here yet."""
        home = Home(self.home)
        if not self.state and not self.home.exists():
            raise InputError("home", f"there are no jobs in {self.home}", remedy="run one first, or name its --home")
        return open_state(self.state or home.state_url)


def run(file: Path, changes: Changes, place: Place, *, as_json: bool, retry_failed: bool) -> int:
    """Run the job in ``file``; returns the exit code."""
    loaded, base = load_job(file)
    job = changes.apply(loaded)
    return asyncio.run(_run(job, base, place, as_json=as_json, retry_failed=retry_failed, expected_id=None))


def resume(job_id: str, place: Place, *, as_json: bool, retry_failed: bool) -> int:
    """Go on with a job known here; returns the exit code."""

    async def main() -> int:
        state = place.open_state()
        try:
            record = await records.read(state, job_id)
        finally:
            await state.aclose()
        if record is None:
            raise InputError("job_id", f"no job {job_id} is known here", remedy="`shared-agent status` lists them")
        job = Job.parse(msgspec.json.decode(record.job_file))
        return await _run(job, Path(record.base), place, as_json=as_json, retry_failed=retry_failed, expected_id=job_id)

    return asyncio.run(main())


async def _run(
    job: Job, base: Path, place: Place, *, as_json: bool, retry_failed: bool, expected_id: str | None
) -> int:
    stop = asyncio.Event()
    _on_interrupt(stop)
    with shown(job.name, quiet=as_json) as show:
        submission = await prepare(job, base)
        _check_same(submission, expected_id)
        if not as_json:
            summary.announce(submission)
        runtime = LocalRuntime(
            home=Home(place.home), state_url=place.state, retry_failed=retry_failed, on_progress=show, stop=stop
        )
        result = await runtime.run(submission)
    _print(result, as_json=as_json)
    return exits.of(result)


def _check_same(submission: Submission, expected_id: str | None) -> None:
    if expected_id is not None and submission.job_id != expected_id:
        raise InputError(
            "inputs",
            f"have changed since {expected_id} was submitted",
            remedy="put them back, or run the job file again: that is a new job",
        )


def _on_interrupt(stop: asyncio.Event) -> None:
    """The first Ctrl-C asks the run to end in order; a second one ends the process."""
    loop = asyncio.get_running_loop()

    def interrupted(number: int) -> None:
        if stop.is_set():
            raise SystemExit(128 + number)
        print("cancelling: claims are given back; press Ctrl-C again to end at once", file=sys.stderr)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupted, number)


def _print(result: JobResult, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(result) + b"\n")
    else:
        summary.conclude(result)
