"""The run report: what a job cost, where its time went, what failed and what to do about it. Pure, over outcomes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterable

import msgspec

from shared_agent.spec.outcome import Outcome
from shared_agent.spec.usage import Usage

SLOWEST = 5
NAMED = 3


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds over tasks: percentiles by nearest rank."""

    p50_s: float = 0.0
    p99_s: float = 0.0
    max_s: float = 0.0


class FailureGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Tasks that failed alike. ``sources`` names the first few."""

    kind: str
    message: str
    remedy: str
    count: int
    sources: tuple[str, ...]


class StageReport(msgspec.Struct, frozen=True, kw_only=True):
    """The tasks of one stage. The sums are seconds over all tasks; tasks run side by side."""

    stage: str
    tasks: int
    succeeded: int
    usage: Usage
    duration: Times
    admission_s: float
    model_s: float
    backoff_s: float
    retries: int
    throttled: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A job's report. ``by_model``: usage by model name. ``slowest``: (source or task id, seconds)."""

    job_id: str
    stages: tuple[StageReport, ...]
    by_model: dict[str, Usage]
    slowest: tuple[tuple[str, float], ...]
    failures: tuple[FailureGroup, ...]


async def build(job_id: str, outcomes: AsyncIterable[Outcome]) -> Report:
    """The report over a job's outcomes, reading each once."""
    stages: dict[str, _Stage] = {}
    by_model: dict[str, Usage] = defaultdict(Usage)
    slowest: list[tuple[str, float]] = []
    failures: dict[tuple[str, str, str], _Alike] = defaultdict(_Alike)
    async for outcome in outcomes:
        stages.setdefault(outcome.task_id.partition("-")[0], _Stage()).add(outcome)
        if outcome.model:
            by_model[outcome.model] += outcome.usage
        slowest.append((outcome.source or outcome.task_id, outcome.timings.duration_s))
        if len(slowest) > 8 * SLOWEST:
            slowest = _longest(slowest)
        if outcome.failure is not None:
            failure = outcome.failure
            failures[failure.kind, failure.message, failure.remedy].add(outcome.source or outcome.task_id)
    return Report(
        job_id=job_id,
        stages=tuple(stage.report(name) for name, stage in sorted(stages.items())),
        by_model=dict(by_model),
        slowest=tuple(_longest(slowest)),
        failures=tuple(
            FailureGroup(kind=kind, message=message, remedy=remedy, count=alike.count, sources=tuple(alike.first))
            for (kind, message, remedy), alike in sorted(failures.items(), key=lambda item: -item[1].count)
        ),
    )


def times(durations: list[float]) -> Times:
    """Percentiles of ``durations`` by nearest rank; zeros for none."""
    if not durations:
        return Times()
    ordered = sorted(durations)
    return Times(p50_s=_rank(ordered, 50), p99_s=_rank(ordered, 99), max_s=ordered[-1])


def _rank(ordered: list[float], percent: int) -> float:
    """The value at rank ⌈percent/100 · n⌉, counted from 1."""
    return ordered[max(1, -(-percent * len(ordered) // 100)) - 1]


def _longest(tasks: list[tuple[str, float]]) -> list[tuple[str, float]]:
    return sorted(tasks, key=lambda task: (-task[1], task[0]))[:SLOWEST]


class _Alike:
    """Tasks that failed alike: all are counted, the first few named."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[str] = []

    def add(self, source: str) -> None:
        self.count += 1
        if len(self.first) < NAMED:
            self.first.append(source)


class _Stage:
    def __init__(self) -> None:
        self.tasks = 0
        self.succeeded = 0
        self.usage = Usage()
        self.durations: list[float] = []
        self.admission_s = self.model_s = self.backoff_s = 0.0
        self.retries = self.throttled = 0

    def add(self, outcome: Outcome) -> None:
        self.tasks += 1
        self.succeeded += outcome.status == "succeeded"
        self.usage += outcome.usage
        self.durations.append(outcome.timings.duration_s)
        self.admission_s += outcome.timings.admission_s
        self.model_s += outcome.timings.model_s
        self.backoff_s += outcome.timings.backoff_s
        self.retries += outcome.retries
        self.throttled += outcome.throttled

    def report(self, name: str) -> StageReport:
        return StageReport(
            stage=name,
            tasks=self.tasks,
            succeeded=self.succeeded,
            usage=self.usage,
            duration=times(self.durations),
            admission_s=self.admission_s,
            model_s=self.model_s,
            backoff_s=self.backoff_s,
            retries=self.retries,
            throttled=self.throttled,
        )
