"""``status``, ``cancel`` and ``report``: jobs that are known here."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

import msgspec

from shared_agent.cli import exits, summary
from shared_agent.cli.progress import clock, describe
from shared_agent.cli.running import Place
from shared_agent.errors import InputError
from shared_agent.observe.report import Report, build
from shared_agent.runtimes.local import record as records
from shared_agent.runtimes.local.record import JobRecord
from shared_agent.stores import StateStore
from shared_agent.worker import claims


def status(job_id: str | None, place: Place, *, as_json: bool) -> int:
    """Print all jobs, or one; returns the exit code."""

    async def main() -> list[JobRecord]:
        state = place.open_state()
        try:
            return await records.all_jobs(state) if job_id is None else [await _known(state, job_id)]
        finally:
            await state.aclose()

    known = asyncio.run(main())
    if as_json:
        _print_json(known if job_id is None else known[0])
    elif job_id is not None:
        _print_one(known[0])
    else:
        for record in known:
            print(f"{record.job_id:45} {_state(record):12} {_when(record):>16}  {_short(record)}")
        if not known:
            print("no jobs yet")
    return exits.COMPLETE


def cancel(job_id: str, place: Place) -> int:
    """Ask the runner of a job to stop; returns the exit code."""

    async def main() -> bool:
        state = place.open_state()
        try:
            await _known(state, job_id)
            return await records.request_cancel(state, job_id)
        finally:
            await state.aclose()

    if asyncio.run(main()):
        print(f"{job_id}: cancellation requested; what is finished stays\n  go on     shared-agent resume {job_id}")
    else:
        print(f"{job_id}: is not running")
    return exits.COMPLETE


def report(job_id: str, place: Place, *, as_json: bool) -> int:
    """Print a job's report; returns the exit code."""

    async def main() -> tuple[JobRecord, Report]:
        state = place.open_state()
        try:
            record = await _known(state, job_id)
            stored = (outcome async for _, outcome in claims.outcomes(state, f"{job_id}/"))
            return record, await build(job_id, stored)
        finally:
            await state.aclose()

    record, built = asyncio.run(main())
    if as_json:
        _print_json({"result": record.result, "report": built})
        return exits.COMPLETE
    if record.result is not None:
        summary.conclude(record.result)
    else:
        _print_one(record)
    print("\n" + render(built))
    return exits.COMPLETE


def render(built: Report) -> str:
    """The report as text."""
    lines = [
        f"  {'stage':8} {'tasks':>7} {'p50':>9} {'p99':>9} {'max':>9} {'admission':>10} {'model':>10} {'back-off':>9} "
        f"{'retries':>8} {'429s':>6}"
    ]
    for stage in built.stages:
        spread = stage.duration
        lines.append(
            f"  {stage.stage:8} {stage.tasks:7,} {spread.p50_s:7.2f} s {spread.p99_s:7.2f} s {spread.max_s:7.2f} s "
            f"{stage.admission_s:8.1f} s {stage.model_s:8.1f} s {stage.backoff_s:7.1f} s "
            f"{stage.retries:8} {stage.throttled:6}"
        )
    lines.append("\n  model" + " " * 31 + "  calls    input tok   output tok         USD")
    for model, usage in sorted(built.by_model.items()):
        lines.append(
            f"  {model:34} {usage.calls:8,} {usage.input_tokens:12,} {usage.output_tokens:12,} {usage.usd:11.4f}"
        )
    lines.append("\n  slowest tasks")
    lines += [f"  {seconds:9.2f} s  {name}" for name, seconds in built.slowest]
    if built.failures:
        lines.append("\n  failures")
    for group in built.failures:
        lines.append(f"  {group.count:6} x {group.kind}: {group.message}")
        lines.append(f"           such as {', '.join(group.sources)}")
        if group.remedy:
            lines.append(f"           remedy: {group.remedy}")
    return "\n".join(lines)


async def _known(state: StateStore, job_id: str) -> JobRecord:
    record = await records.read(state, job_id)
    if record is None:
        raise InputError("job_id", f"no job {job_id} is known here", remedy="`shared-agent status` lists them")
    return record


def _state(record: JobRecord) -> str:
    if record.result is not None:
        return record.result.status
    return "running" if time.time() - record.updated_at < records.STALE_S else "interrupted"


def _when(record: JobRecord) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(record.submitted_at))


def _short(record: JobRecord) -> str:
    progress = record.progress
    return f"{progress.done}/{progress.total} done, {clock(progress.elapsed_s)}, {progress.usage.usd:.4f} USD"


def _print_one(record: JobRecord) -> None:
    print(f"{record.job_id}: {_state(record)}, submitted {_when(record)}")
    print(f"  {record.progress.done}/{record.progress.total} done · {describe(record.progress)}")
    if _state(record) == "interrupted":
        print(f"  its process is gone; go on with shared-agent resume {record.job_id}")


def _print_json(value: Any) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
