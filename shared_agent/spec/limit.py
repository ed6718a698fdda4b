"""The rate limit of one provider account, model or tenant, as its owner states it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from shared_agent.errors import InputError
from shared_agent.spec.bounds import above_zero

DIMENSIONS = ("requests", "input_tokens", "output_tokens")
"""What a limit may count, in the order in which every cost vector lists it."""

LimitMode = Literal["bucket", "strict", "aimd"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSpec:
    """Quotas of the limit called ``name``; jobs that name the same limit share it.

    Quotas are units a minute; a dimension left at None is not limited. ``mode``:

    - ``bucket``: in any interval of T seconds at most ``burst + rate * T`` is granted, where a dimension's burst is
      ``burst_seconds`` worth of its quota.
    - ``strict``: no sliding minute holds more than the quota.
    - ``aimd``: the quota is not known; ``requests_per_minute`` is where the rate starts. It rises additively while
      calls succeed and halves when the provider throttles.

    ``burst_seconds`` also bounds the largest single request: one above a dimension's capacity is refused at once.

    Raises InputError naming the field (``limits.<name>.<field>``) when there is no quota or one is not above zero.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    name: str
    requests_per_minute: float | None = None
    input_tokens_per_minute: float | None = None
    output_tokens_per_minute: float | None = None
    mode: LimitMode = "bucket"
    burst_seconds: float = 15.0

    def __post_init__(self) -> None:
        if not self.name:
            raise InputError("limits.name", "is empty", remedy="name the account, model or tenant that it belongs to")
        given = False
        for dimension, quota in zip(DIMENSIONS, self.quotas, strict=True):
            above_zero(f"limits.{self.name}.{dimension}_per_minute", quota, f"{dimension.replace('_', ' ')} a minute")
            given = given or quota is not None
        above_zero(f"limits.{self.name}.burst_seconds", self.burst_seconds, "seconds")
        if not given:
            quotas = ", ".join(f"{dimension}_per_minute" for dimension in DIMENSIONS)
            raise InputError(f"limits.{self.name}", "limits nothing", remedy=f"give at least one of {quotas}")

    @property
    def quotas(self) -> tuple[float | None, float | None, float | None]:
        """Units a minute in the order of ``DIMENSIONS``."""
        return (self.requests_per_minute, self.input_tokens_per_minute, self.output_tokens_per_minute)
