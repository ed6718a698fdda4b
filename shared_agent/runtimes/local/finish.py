"""The last stage: the root's value becomes the result, and everything a reader needs is written to the output folder.

out/<job id>/result.md or result.json     the result, labelled when it does not cover everything
             report.txt, report.json      coverage, time, cost, slowest tasks, failures: `shared-agent report`
             outcomes.jsonl               one line a map task, in input order
             summary.json                 the JobResult without its value

A result of an earlier run that this one does not have is removed, so that the folder never shows two runs at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

from shared_agent.errors import SharedAgentError, StoreError
from shared_agent.observe.report import build
from shared_agent.observe.text import describe
from shared_agent.runtimes.local.coordinator import Coordinator
from shared_agent.runtimes.result import JobResult, conclude, label_of
from shared_agent.runtimes.submission import Submission
from shared_agent.spec.outcome import Outcome
from shared_agent.stores import Artifacts, StateStore
from shared_agent.worker import claims
from shared_agent.worker.kinds import TaskKind

_json = msgspec.json.Encoder(order="deterministic")


async def finish(
    coordinator: Coordinator,
    kind: TaskKind,
    submission: Submission,
    *,
    state: StateStore,
    artifacts: Artifacts,
    started_at: float,
) -> JobResult:
    """Conclude a run and write its output folder."""
    fan_in = coordinator.fan_in
    policy = submission.settings.completion
    value: Any = None
    coverage = fan_in.coverage
    root = fan_in.reduction.root if fan_in.reduction is not None else None
    if root is not None:
        coverage = root.coverage
    status, refused = conclude(
        coordinator.reason,
        coverage,
        min_coverage=policy.min_coverage,
        has_value=fan_in.reduction is None or (root is not None and root.payload is not None),
    )
    if root is not None and root.payload is not None and not refused:
        value = _shaped(kind, await artifacts.unpack(root.payload), lifted=root.lifted)
    result = JobResult(
        job_id=submission.job_id,
        name=submission.job.name,
        status=status,
        reason=coordinator.reason,
        coverage=coverage,
        value=value,
        missing=coverage.describe_missing(),
        refused=refused,
        usage=fan_in.usage,
        calls_made=fan_in.calls_made,
        replayed=fan_in.replayed,
        reduce_tasks=fan_in.reduced,
        started_at=started_at,
        ended_at=time.time(),
    )
    return await _written(output_folder(submission).absolute(), result, state, artifacts)


def _shaped(kind: TaskKind, value: Any, *, lifted: bool) -> Any:
    try:
        value = value if lifted else kind.lifted(value)
        return kind.finish(value) if kind.finish is not None else value
    except Exception as error:  # the user's own code
        raise SharedAgentError(
            f"the task kind {kind.name!r} fails on the finished result: {type(error).__name__}: {error}",
            remedy="mend its lift or finish, then resume the job: no finished task is run again",
        ) from error


async def at_hand(result: JobResult, submission: Submission, *, state: StateStore, artifacts: Artifacts) -> JobResult:
    """A stored result with its output folder: written again where it is not there, or is now wanted elsewhere."""
    folder = output_folder(submission).absolute()
    there = {str(path) for path in await asyncio.to_thread(_files, folder)}
    return (
        result
        if result.outputs and there.issuperset(result.outputs)
        else await _written(folder, result, state, artifacts)
    )


def output_folder(submission: Submission) -> Path:
    """Where a job's output goes: ``output.dir`` relative to the job file, else ``out/<job id>`` here."""
    chosen = submission.job.output.dir
    return submission.base / chosen if chosen is not None else Path("out") / submission.job_id


async def _written(folder: Path, result: JobResult, state: StateStore, artifacts: Artifacts) -> JobResult:
    result = msgspec.structs.replace(result, outputs=tuple(str(folder / name) for name in _names(result)))
    try:
        await _write(folder, result, state, artifacts)
    except OSError as error:
        raise StoreError(
            f"cannot write the output folder {folder}: {error.strerror or error}",
            remedy="make it writable or give another with --out, then run the job again: nothing is repeated",
        ) from error
    return result


def _files(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _names(result: JobResult) -> list[str]:
    """The files that a run leaves, the result first where there is one."""
    own = [] if result.value is None else ["result.md" if isinstance(result.value, str) else "result.json"]
    return [*own, "report.txt", "report.json", "outcomes.jsonl", "summary.json"]


async def _write(folder: Path, result: JobResult, state: StateStore, artifacts: Artifacts) -> None:
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    for name in ("result.md", "result.json"):
        if name not in _names(result):
            (folder / name).unlink(missing_ok=True)
    label = label_of(result)
    if isinstance(result.value, str):
        noted = f"> **{label}**\n\n{result.value}\n" if label else f"{result.value}\n"
        (folder / "result.md").write_text(noted, encoding="utf-8")
    elif result.value is not None:
        _write_json(folder / "result.json", {"label": label, "coverage": result.coverage, "value": result.value})
    with (folder / "outcomes.jsonl").open("wb") as lines:
        async for outcome in _outcomes(state, f"{result.job_id}/map-"):
            value = await artifacts.unpack(outcome.value) if outcome.value is not None else None
            lines.write(msgspec.json.encode(_line(outcome, value)) + b"\n")
    without_value = msgspec.structs.replace(result, value=None)
    report = await build(result.job_id, _outcomes(state, f"{result.job_id}/"))
    (folder / "report.txt").write_text(f"{describe(result, report)}\n", encoding="utf-8")
    _write_json(folder / "report.json", {"result": without_value, "report": report})
    _write_json(folder / "summary.json", without_value)


async def _outcomes(state: StateStore, prefix: str) -> AsyncIterator[Outcome]:
    async for _, outcome in claims.outcomes(state, prefix):
        yield outcome


def _line(outcome: Outcome, value: Any) -> dict[str, Any]:
    line: dict[str, Any] = {"task_id": outcome.task_id, "source": outcome.source, "status": outcome.status}
    if outcome.status == "succeeded":
        line["value"] = value
    if outcome.failure is not None:
        line["failure"] = outcome.failure
    line |= {
        "usage": outcome.usage,
        "retries": outcome.retries,
        "seconds": round(outcome.timings.duration_s, 4),
        "traceparent": outcome.traceparent,
    }
    return line


def _write_json(path: Path, value: Any) -> None:
    path.write_bytes(msgspec.json.format(_json.encode(value), indent=2) + b"\n")
