"""What a job ended as, the same on every runtime."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from shared_agent.spec.completion import EndReason
from shared_agent.spec.coverage import Coverage
from shared_agent.spec.usage import Usage

Status = Literal["complete", "incomplete", "failed", "cancelled"]


class JobResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The end of a job.

    ``status``: ``complete`` (every task succeeded), ``incomplete`` (there is a result, and ``missing`` says what it does not
    cover), ``failed`` (no result: too many failures, or too little covered) or ``cancelled``. ``reason`` is why the fan-out
    ended. ``value`` is the root's value, or None for a job without a reduction. ``refused`` says why there is no synthesis.
    Times in seconds; ``usage`` is what this job's tasks have consumed in all its runs, ``calls_made`` in this one.
    """

    job_id: str
    status: Status
    reason: EndReason
    coverage: Coverage
    version: int = 1
    name: str = ""
    value: Any = None
    missing: str = ""
    refused: str = ""
    usage: Usage = Usage()
    calls_made: int = 0
    replayed: int = 0
    reduce_tasks: int = 0
    started_at: float = 0.0
    ended_at: float = 0.0
    outputs: tuple[str, ...] = ()

    @property
    def makespan_s(self) -> float:
        """Wall-clock of the run that ended the job, in seconds."""
        return self.ended_at - self.started_at


def conclude(reason: EndReason, coverage: Coverage, *, min_coverage: float, has_value: bool) -> tuple[Status, str]:
    """The status of a job, and why its final synthesis is refused (``""`` when it is not).

    Success is never reported for a partial result: anything but full coverage is at best ``incomplete``.
    """
    refused = ""
    if coverage.submitted and coverage.fraction < min_coverage:
        refused = (
            f"only {coverage.succeeded} of {coverage.submitted} tasks succeeded, "
            f"below completion.min_coverage {min_coverage:g}"
        )
    if reason is EndReason.CANCELLED:
        return "cancelled", refused
    if refused or reason is EndReason.TOLERANCE_EXCEEDED or not has_value:
        return "failed", refused
    return ("complete" if coverage.complete else "incomplete"), refused


def label_of(result: JobResult) -> str:
    """What a partial result must carry with it; ``""`` for a complete one."""
    if result.status == "complete":
        return ""
    early = f"the fan-out ended early: {result.reason}" if result.reason is not EndReason.ALL_DONE else ""
    why = result.refused or early
    return "; ".join(part for part in (result.status.capitalize(), result.missing, why) if part)
