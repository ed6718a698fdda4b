"""The last stage: the root's value becomes the result, and everything a reader needs is written to the output folder.

out/<job id>/result.md or result.json     the result, labelled when it does not cover everything
             outcomes.jsonl               one line a map task, in input order
             summary.json                 the JobResult
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

from shared_agent.runtimes.local.coordinator import Coordinator
from shared_agent.runtimes.result import JobResult, conclude
from shared_agent.runtimes.submission import Submission
from shared_agent.spec.completion import EndReason
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
        value = await artifacts.unpack(root.payload)
        if not root.lifted:
            value = kind.lifted(value)
        if kind.finish is not None:
            value = kind.finish(value)
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
    folder = output_folder(submission)
    outputs = await _write(folder, result, state, artifacts)
    return msgspec.structs.replace(result, outputs=tuple(str(path) for path in outputs))


def output_folder(submission: Submission) -> Path:
    """Where a job's output goes: ``output.dir`` relative to the job file, else ``out/<job id>`` here."""
    chosen = submission.job.output.dir
    return submission.base / chosen if chosen is not None else Path("out") / submission.job_id


async def _write(folder: Path, result: JobResult, state: StateStore, artifacts: Artifacts) -> list[Path]:
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    written = [folder / "summary.json", folder / "outcomes.jsonl"]
    _write_json(written[0], msgspec.structs.replace(result, value=None))
    with written[1].open("wb") as lines:
        async for outcome in _map_outcomes(state, result.job_id):
            value = await artifacts.unpack(outcome.value) if outcome.value is not None else None
            lines.write(msgspec.json.encode(_line(outcome, value)) + b"\n")
    if isinstance(result.value, str):
        written.append(folder / "result.md")
        label = f"> **{label_of(result)}**\n\n" if label_of(result) else ""
        written[-1].write_text(f"{label}{result.value}\n", encoding="utf-8")
    elif result.value is not None:
        written.append(folder / "result.json")
        _write_json(written[-1], {"label": label_of(result), "coverage": result.coverage, "value": result.value})
    return written


def label_of(result: JobResult) -> str:
    """What a partial result must carry with it; ``""`` for a complete one."""
    if result.status == "complete":
        return ""
    early = f"the fan-out ended early: {result.reason}" if result.reason is not EndReason.ALL_DONE else ""
    why = result.refused or early
    return "; ".join(part for part in (result.status.capitalize(), result.missing, why) if part)


async def _map_outcomes(state: StateStore, job_id: str) -> AsyncIterator[Outcome]:
    async for _, outcome in claims.outcomes(state, f"{job_id}/map-"):
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
