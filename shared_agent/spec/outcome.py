"""What a task ended as: value or failure, usage, timings."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

from shared_agent.spec.coverage import Coverage
from shared_agent.spec.payload import Payload
from shared_agent.spec.usage import Usage


class FailureClass(StrEnum):
    """What kind of failure it was, and with it what a retry may do."""

    THROTTLED = "throttled"
    TRANSIENT = "transient"
    PERMANENT = "permanent"
    TIMEOUT = "timeout"
    BUDGET = "budget"
    BREAKER = "breaker_open"
    HANDLER = "handler"
    INPUT = "input"
    CANCELLED = "cancelled"


class Failure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a task has no value. ``message`` is a bounded preview; ``detail`` is the whole text where it was longer.

    ``retryable`` says whether running the task again later may succeed.
    """

    kind: FailureClass
    message: str
    code: str = ""
    remedy: str = ""
    retryable: bool = False
    detail: Payload | None = None


class Timings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When a task ran (seconds since the epoch) and what its seconds went to."""

    started_at: float = 0.0
    ended_at: float = 0.0
    admission_s: float = 0.0
    model_s: float = 0.0
    backoff_s: float = 0.0

    @property
    def duration_s(self) -> float:
        return self.ended_at - self.started_at


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The end of a task.

    ``calls`` counts the model calls that this run of the task started, failed ones included, and ``retries`` those of them
    that repeated another; ``usage`` is what the task has consumed in all its runs. ``replayed``: it was read from the store.
    """

    job_id: str
    task_id: str
    key: str
    status: Literal["succeeded", "failed", "skipped"]
    version: int = 1
    value: Payload | None = None
    failure: Failure | None = None
    source: str = ""
    usage: Usage = Usage()
    timings: Timings = Timings()
    coverage: Coverage = Coverage()
    calls: int = 0
    retries: int = 0
    throttled: int = 0
    worker: str = ""
    model: str = ""
    traceparent: str = ""
    replayed: bool = False
