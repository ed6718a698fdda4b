"""What a job will do before it spends anything: calls, tokens, USD and makespan. Pure arithmetic on counted inputs.

makespan  =  max( work / concurrency , quota time ) + one reduce call a level
quota time of a dimension  =  (units - burst) / rate            the slowest dimension binds
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from shared_agent.spec.limit import DIMENSIONS, LimitSpec
from shared_agent.spec.tree import Tree
from shared_agent.spec.usage import Usage


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """The calls that one role makes. ``usd_most`` is the cost if every answer were as long as it may be."""

    role: str
    model: str
    calls: int
    input_tokens: int
    output_tokens: int
    usd: float
    usd_most: float


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A job's predicted course. Times in seconds, USD as ``priced_on`` says.

    ``bound_by`` names what decides the makespan: ``concurrency`` or a dimension of a limit. ``assumptions`` are what the
    figures stand on besides the counted inputs.
    """

    documents: int
    chunks: int
    characters: int
    levels: int
    stages: tuple[Stage, ...]
    makespan_s: float
    bound_by: str
    price_table: str = ""
    assumptions: tuple[str, ...] = ()

    @property
    def calls(self) -> int:
        return sum(stage.calls for stage in self.stages)

    @property
    def usage(self) -> Usage:
        """What all stages consume together."""
        return Usage(
            calls=self.calls,
            input_tokens=sum(stage.input_tokens for stage in self.stages),
            output_tokens=sum(stage.output_tokens for stage in self.stages),
            usd=sum(stage.usd for stage in self.stages),
        )

    @property
    def usd_most(self) -> float:
        """The cost if every answer were as long as it may be."""
        return sum(stage.usd_most for stage in self.stages)


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Seconds of one call: ``first_token_s`` + output tokens / ``tokens_per_s``."""

    first_token_s: float = 0.8
    tokens_per_s: float = 80.0

    def call_s(self, output_tokens: float) -> float:
        return self.first_token_s + output_tokens / self.tokens_per_s


def reduce_calls(chunks: int, group_size: int | None) -> tuple[int, int]:
    """Reduce calls and levels for ``chunks`` map results."""
    if group_size is None or chunks < 2:
        return 0, 0
    tree = Tree(group_size)
    return tree.calls(chunks), len(tree.widths(chunks)) - 1


def makespan(
    stages: Sequence[Stage],
    *,
    levels: int,
    concurrency: int,
    latency: Latency,
    limits: Sequence[LimitSpec],
) -> tuple[float, str]:
    """Predicted seconds, and what binds: ``"concurrency"`` or ``"<limit>: <dimension>"``."""
    work_s = sum(stage.calls * latency.call_s(stage.output_tokens / max(1, stage.calls)) for stage in stages)
    calls = sum(stage.calls for stage in stages)
    longest_s = max((latency.call_s(stage.output_tokens / max(1, stage.calls)) for stage in stages), default=0.0)
    ramp_s = (1 + levels) * longest_s if calls else 0.0
    best = (max(work_s / concurrency, ramp_s), "concurrency")
    totals = (
        calls,
        sum(stage.input_tokens for stage in stages),
        sum(stage.output_tokens for stage in stages),
    )
    for limit in limits:
        for name, units, quota in zip(DIMENSIONS, totals, limit.quotas, strict=True):
            if quota is None:
                continue
            rate = quota / 60
            quota_s = max(0.0, units - rate * limit.burst_seconds) / rate + longest_s
            best = max(best, (quota_s, f"limit {limit.name}: {name}"))
    return best
