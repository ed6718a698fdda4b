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

from shared_agent.errors import InputError
from shared_agent.spec.bounds import above_zero, at_least
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

    ``limits`` names the limits that its calls are admitted under, the most shared one (the account) last. ``prices``
    replaces the price table's: ``input_per_mtok``, ``output_per_mtok`` and ``cached_input_per_mtok`` in USD a million
    tokens. ``options`` are the provider's own (see ``models.options``). Raises InputError when a price is negative.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    limits: tuple[str, ...] = ()
    base_url: str = ""
    prices: Mapping[str, float] = field(default_factory=dict[str, float])
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        for name, price in self.prices.items():
            at_least(f"model_options.prices.{name}", price, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A hard ceiling shared by every worker that names the same ``scope`` (by default the job alone).

    Raises InputError when it bounds nothing or a bound is not above zero.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    usd: float | None = None
    tokens: int | None = None
    scope: str = ""

    def __post_init__(self) -> None:
        above_zero("budget.usd", self.usd, "USD")
        above_zero("budget.tokens", self.tokens, "tokens")
        if self.usd is None and self.tokens is None:
            raise InputError("budget", "bounds nothing", remedy="give usd, tokens or both")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Full-jitter exponential back-off: before retry n the wait is uniform in [0, min(cap_s, base_s * 2**n)].

    ``attempts`` counts transient failures of one call, the first try included. Throttling does not count: it is waited
    out until the task's deadline. Raises InputError when there is no attempt or a time is not above zero.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    attempts: int = 5
    base_s: float = 0.5
    cap_s: float = 30.0

    def __post_init__(self) -> None:
        at_least("retry.attempts", self.attempts, 1)
        above_zero("retry.base_s", self.base_s, "seconds")
        above_zero("retry.cap_s", self.cap_s, "seconds")


class JobSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A job as its workers see it. Times in seconds."""

    job_id: str
    kind: str
    version: int = 1
    name: str = ""
    instructions: str = ""
    options: Mapping[str, Any] = {}
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

    def limits_of(self, model: str) -> tuple[str, ...]:
        """The limits of a model's calls: those its options name, else those with its or its provider's name."""
        options = self.model_options.get(model)
        if options is not None and options.limits:
            return options.limits
        known = {limit.name for limit in self.limits}
        return tuple(name for name in (model, model.partition(":")[0]) if name in known)
