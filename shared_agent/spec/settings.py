"""What a worker needs to know of a job: its settings without its inputs, as a versioned envelope.

Written once as ``jobs/<job_id>/settings.json`` when the job is submitted; every worker reads it once. Tasks stay small.
The parts that a user also writes in a job file are plain dataclasses, which msgspec (here) and pydantic (in ``Job``)
understand; ``__pydantic_config__`` makes pydantic refuse fields it does not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import msgspec

from shared_agent.spec.completion import CompletionPolicy
from shared_agent.spec.limit import LimitSpec

Role = Literal["map", "reduce", "final", "judge"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRoles:
    """The model of each role, by name; ``reduce``, ``final`` and ``judge`` fall back on ``map``."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    map: str = "embedded"
    reduce: str = ""
    final: str = ""
    judge: str = ""

    def name(self, role: Role) -> str:
        """The model that plays ``role``: final falls back on reduce, everything on map."""
        chosen = {"map": self.map, "reduce": self.reduce, "final": self.final or self.reduce, "judge": self.judge}
        return chosen[role] or self.map


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """How one model is reached and what limits and prices apply to it.

    ``limits`` names the limits that its calls are admitted under. Prices are in USD per million tokens and override the
    price table.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    limits: tuple[str, ...] = ()
    base_url: str = ""
    input_usd_per_mtok: float | None = None
    output_usd_per_mtok: float | None = None
    cached_input_usd_per_mtok: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A hard ceiling shared by every worker that names the same ``scope`` (by default the job alone)."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    usd: float | None = None
    tokens: int | None = None
    scope: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Full-jitter exponential back-off: before retry n the wait is uniform in [0, min(cap_s, base_s * 2**n)].

    ``attempts`` counts transient failures of one call, the first try included. Throttling does not count: it is waited
    out until the task's deadline.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    attempts: int = 5
    base_s: float = 0.5
    cap_s: float = 30.0


class JobSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A job as its workers see it. Times in seconds."""

    job_id: str
    kind: str
    version: int = 1
    name: str = ""
    instructions: str = ""
    options: Mapping[str, Any] = {}
    handlers: tuple[str, ...] = ()
    models: ModelRoles = ModelRoles()
    model_options: Mapping[str, ModelOptions] = {}
    limits: tuple[LimitSpec, ...] = ()
    budget: Budget | None = None
    retry: RetryPolicy = RetryPolicy()
    completion: CompletionPolicy = CompletionPolicy()
    reduce: bool = True
    group_size: int = 10
    concurrency: int = 16
    call_timeout_s: float = 120.0
    lease_s: float = 60.0
    max_output_tokens: int = 1024
    breaker_failures: int = 5
    breaker_cooldown_s: float = 30.0
    traceparent: str = ""
