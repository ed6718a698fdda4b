"""``status``, ``cancel`` and ``report``: jobs that are known here."""

from __future__ import annotations

import asyncio
import time

from shared_agent.cli import exits, output, summary
from shared_agent.cli.place import Place
from shared_agent.cli.progress import describe
from shared_agent.cli.running import known
from shared_agent.observe.report import Report, build
from shared_agent.observe.text import clock, report_lines, shortened
from shared_agent.runtimes.local import record as records
from shared_agent.runtimes.local.record import JobRecord
from shared_agent.worker import claims

_ID_WIDTH = 48


def status(job_id: str | None, place: Place, *, as_json: bool) -> int:
    """Print all jobs, or one; returns the exit code."""

    async def main() -> list[JobRecord]:
        if job_id is None and not place.has_jobs:
            return []
        state = place.open_state()
        try:
            if job_id is None:
                return await records.all_jobs(state)
            return [known(await records.read(state, job_id), job_id)]
        finally:
            await state.aclose()

    jobs = asyncio.run(main())
    if as_json:
        output.print_json(jobs if job_id is None else jobs[0])
    elif job_id is not None:
        print(_one(jobs[0], place))
    else:
        print("\n".join(_table(jobs)) if jobs else f"no jobs yet in {place.state or place.home}")
    return exits.COMPLETE


def cancel(job_id: str, place: Place) -> int:
    """Ask the runner of a job to stop; returns the exit code."""

    async def main() -> JobRecord:
        state = place.open_state()
        try:
            record = known(await records.read(state, job_id), job_id)
            if _state(record) == "running":
                await records.request_cancel(state, job_id)
            return record
        finally:
            await state.aclose()

    before = _state(asyncio.run(main()))
    go_on = f"  go on     {summary.resume_command(job_id, place.options)}"
    if before == "running":
        print(f"{job_id}: cancellation requested; what is finished stays\n{go_on}")
    elif before == "interrupted":
        print(f"{job_id}: is not running, its process is gone; what is finished stays\n{go_on}")
    else:
        print(f"{job_id}: is not running, it has ended as {before}")
    return exits.COMPLETE


def report(job_id: str, place: Place, *, as_json: bool) -> int:
    """Print a job's report; returns the exit code."""

    async def main() -> tuple[JobRecord, Report]:
        state = place.open_state()
        try:
            record = known(await records.read(state, job_id), job_id)
            stored = (outcome async for _, outcome in claims.outcomes(state, f"{job_id}/"))
            return record, await build(job_id, stored)
        finally:
            await state.aclose()

    record, built = asyncio.run(main())
    if as_json:
        output.print_json({"result": record.result, "report": built})
        return exits.COMPLETE
    ended = record.result
    print(summary.conclude(ended, options=place.options) if ended is not None else _one(record, place))
    print("\n".join(["", *report_lines(built)]))
    return exits.COMPLETE


def _state(record: JobRecord) -> str:
    if record.result is not None and record.state == "ended":
        return record.result.status
    return "running" if time.time() - record.updated_at < records.STALE_S else "interrupted"


def _table(jobs: list[JobRecord]) -> list[str]:
    lines = [f"{'job':{_ID_WIDTH}} {'state':11} {'submitted':16} {'done':>15} {'time':>12} {'USD':>10}"]
    for job in jobs:
        progress = job.progress
        done = f"{progress.done:,}/{progress.total:,}"
        lines.append(
            f"{shortened(job.job_id, _ID_WIDTH):{_ID_WIDTH}} {_state(job):11} {summary.when(job.submitted_at):16} "
            f"{done:>15} {clock(progress.elapsed_s):>12} {progress.usage.usd:10.4f}"
        )
    return lines


def _one(record: JobRecord, place: Place) -> str:
    progress, state = record.progress, _state(record)
    if record.result is not None and state not in {"running", "interrupted"}:
        return summary.conclude(record.result, options=place.options)
    lines = [
        f"{record.job_id}: {state}, submitted {summary.when(record.submitted_at)}",
        f"  progress  {progress.done:,} of {progress.total:,} done · {describe(progress)}",
    ]
    if state == "running":
        lines.append(f"  stop      shared-agent cancel {record.job_id}{place.options}")
    else:
        lines.append(f"  go on     {summary.resume_command(record.job_id, place.options)} (its process is gone)")
    return "\n".join(lines)
