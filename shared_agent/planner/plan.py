"""What a job will do before it spends anything: calls, tokens, USD and makespan. Pure arithmetic on counted inputs.

work      =  Σ over stages  calls · call_s / places       places: concurrency; for the embedded model at most the cores
chain     =  Σ from a leaf to the root  call_s            nothing ends before its longest chain of calls
quota     =  (units - burst) / rate + the last call       each dimension of each limit, over the calls that it covers
makespan  =  max( work, chain, quota … )                  the largest binds
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
    """A job's predicted course. Times in seconds, USD as ``price_table`` says.

    ``bound_by`` names what decides the makespan: ``concurrency``, ``processor cores``, ``the longest chain of calls`` or a
    dimension of a limit. ``levels`` are those of the reduction, whether or not it asks a model. ``assumptions`` are what the
    figures stand on besides the counted inputs. ``skipped``: files passed over, by reason.
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
    skipped: dict[str, int] = {}

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
    """Seconds of one call: ``first_token_s`` + output tokens / ``tokens_per_s``.

    ``places``: at most so many of these calls proceed at once, whatever the job's concurrency (cores, for a model in this
    process); None for no bound of its own.
    """

    first_token_s: float = 0.8
    tokens_per_s: float = 80.0
    places: int | None = None

    def call_s(self, output_tokens: float) -> float:
        return self.first_token_s + output_tokens / self.tokens_per_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """A stage with what its calls take and stand under. ``chain``: how many of them follow one another on one path."""

    stage: Stage
    latency: Latency
    chain: int
    limits: tuple[LimitSpec, ...] = ()

    @property
    def call_s(self) -> float:
        """Seconds of one call."""
        return self.latency.call_s(self.stage.output_tokens / max(1, self.stage.calls))


def reduce_calls(chunks: int, group_size: int | None) -> tuple[int, int]:
    """Reduce calls and levels for ``chunks`` map results."""
    if group_size is None or chunks < 2:
        return 0, 0
    tree = Tree(group_size)
    return tree.calls(chunks), len(tree.widths(chunks)) - 1


def makespan(timed: Sequence[Timed], *, concurrency: int) -> tuple[float, str]:
    """Predicted seconds, and what binds: see :attr:`Plan.bound_by`."""
    working = [part for part in timed if part.stage.calls]
    work_s = sum(part.stage.calls * part.call_s / _places(part, concurrency) for part in working)
    on_cores = any(_places(part, concurrency) < concurrency for part in working)
    chain_s = sum(part.chain * part.call_s for part in working)
    best = (work_s, "processor cores" if on_cores else "concurrency")
    best = max(best, (chain_s, "the longest chain of calls"), key=_seconds)
    limits = {limit.name: limit for part in working for limit in part.limits}
    for limit in limits.values():
        for bound in _quota_bounds(limit, [part for part in working if limit in part.limits]):
            best = max(best, bound, key=_seconds)
    return best


def quota_s(units: float, per_minute: float, burst_seconds: float) -> float:
    """Seconds until ``units`` have been granted at a quota of which ``burst_seconds`` worth is there at the start."""
    rate = per_minute / 60
    return max(0.0, units / rate - burst_seconds)


def _quota_bounds(limit: LimitSpec, covered: Sequence[Timed]) -> list[tuple[float, str]]:
    totals = (
        sum(part.stage.calls for part in covered),
        sum(part.stage.input_tokens for part in covered),
        sum(part.stage.output_tokens for part in covered),
    )
    last_s = covered[-1].call_s
    burst_s = 60.0 if limit.mode == "strict" else limit.burst_seconds  # strict grants the first minute's quota at once
    return [
        (quota_s(units, quota, burst_s) + last_s, f"limit {limit.name}: {name.replace('_', ' ')} a minute")
        for name, units, quota in zip(DIMENSIONS, totals, limit.quotas, strict=True)
        if quota is not None
    ]


def _places(part: Timed, concurrency: int) -> int:
    return concurrency if part.latency.places is None else min(concurrency, part.latency.places)


def _seconds(bound: tuple[float, str]) -> float:
    return bound[0]
