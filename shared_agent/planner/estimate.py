"""Counts what a job's calls would consume, by rendering the prompts that its chunks would be asked with."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from shared_agent.handlers import resolve
from shared_agent.models import prices
from shared_agent.models.estimate import base_tokens
from shared_agent.models.prompts import render
from shared_agent.models.types import Free, Purpose, Summarise
from shared_agent.planner.plan import Latency, Plan, Stage, makespan, reduce_calls
from shared_agent.runtimes.submission import Survey, chunks
from shared_agent.spec.document import Chunk
from shared_agent.spec.job import Job
from shared_agent.spec.limit import LimitSpec
from shared_agent.spec.settings import JobSettings, Role
from shared_agent.spec.usage import Usage
from shared_agent.worker.kinds import TaskKind

_TOKENS_A_WORD = 1.4
_STRUCTURED_TOKENS = 150
_FREE_SHARE = 0.5
_EMBEDDED = "embedded"
_EMBEDDED_LATENCY = Latency(first_token_s=0.3, tokens_per_s=1e9)
_NOTHING = Chunk(source="", text="")


async def make_plan(
    job: Job,
    base: Path,
    survey: Survey,
    *,
    model: str | None = None,
    limits: Sequence[LimitSpec] | None = None,
    latency: Latency | None = None,
) -> Plan:
    """The plan of ``job``, or of the same job on another ``model`` under other ``limits``.

    Raises InputError for a kind or option that is wrong, or when no price of a model is known.
    """
    settings = job.settings("plan")
    kind = resolve(settings)
    if kind.check is not None:
        kind.check(settings)
    prompts = 0.0
    async for piece in chunks(job, base):
        prompts += _prompt_tokens(_map_purpose(kind, settings, piece))
    group_size = job.reduce.group_size if job.reduce.enabled and kind.reduce is not None else None
    reduces, levels = reduce_calls(survey.chunks, group_size)
    answer = _answer_tokens(settings, kind)
    stages = [_stage(settings, "map", survey.chunks, prompts, answer, model)]
    if reduces and kind.ask_reduce is not None:
        # Every result is read once by the group above it; each group's prompt also carries its instructions.
        framing = _prompt_tokens(_map_purpose(kind, settings, _NOTHING))
        read = (survey.chunks + reduces - 1) * answer + reduces * framing
        stages.append(_stage(settings, "reduce", reduces - 1, read * (reduces - 1) / reduces, answer, model))
        stages.append(_stage(settings, "final", 1, read / reduces, answer, model))
    else:
        levels = 0
    stages = [stage for stage in stages if stage.calls]
    embedded = all(stage.model.startswith(_EMBEDDED) for stage in stages)
    chosen = latency or (_EMBEDDED_LATENCY if embedded else Latency())
    duration_s, bound_by = makespan(
        stages,
        levels=levels,
        concurrency=min(job.concurrency, os.cpu_count() or 1) if embedded else job.concurrency,
        latency=chosen,
        limits=job.limits if limits is None else limits,
    )
    table = prices.price_table()
    return Plan(
        documents=survey.documents,
        chunks=survey.chunks,
        characters=survey.characters,
        levels=levels,
        stages=tuple(stages),
        makespan_s=duration_s,
        bound_by="processor cores" if embedded and bound_by == "concurrency" else bound_by,
        price_table=f"{table.source}, {table.date.isoformat()}",
        assumptions=_assumptions(chosen, answer, embedded=embedded),
    )


def _stage(
    settings: JobSettings, role: Role, calls: int, input_tokens: float, answer_tokens: float, model: str | None
) -> Stage:
    name = model or settings.models.name(role)
    usage = Usage(calls=calls, input_tokens=round(input_tokens), output_tokens=round(calls * answer_tokens))
    most = Usage(calls=calls, input_tokens=usage.input_tokens, output_tokens=calls * settings.max_output_tokens)
    return Stage(
        role=role,
        model=name,
        calls=calls,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        usd=_usd(settings, name, usage),
        usd_most=_usd(settings, name, most),
    )


def _usd(settings: JobSettings, model: str, usage: Usage) -> float:
    if model.startswith(_EMBEDDED):
        return 0.0
    options = settings.model_options.get(model)
    overrides = prices.parse_overrides({model: dict(options.prices)}) if options and options.prices else None
    prices.require_price(model, overrides=overrides)
    return prices.price(model, usage, overrides=overrides) or 0.0


def _map_purpose(kind: TaskKind, settings: JobSettings, piece: Chunk) -> Purpose:
    if kind.ask_map is not None:
        return kind.ask_map(settings, piece)
    return Free(prompt=f"{settings.instructions}\n{piece.text}")


def _prompt_tokens(purpose: Purpose) -> float:
    prompt = render(purpose)
    return base_tokens(prompt.system) + base_tokens(prompt.user)


def _answer_tokens(settings: JobSettings, kind: TaskKind) -> float:
    """Tokens of a typical answer: what the purpose asks for, never above the cap."""
    match _map_purpose(kind, settings, _NOTHING):
        case Summarise(max_words=words):
            expected = words * _TOKENS_A_WORD
        case Free():
            expected = settings.max_output_tokens * _FREE_SHARE
        case _:
            expected = _STRUCTURED_TOKENS
    return min(expected, settings.max_output_tokens)


def _assumptions(latency: Latency, answer_tokens: float, *, embedded: bool) -> tuple[str, ...]:
    speed = (
        f"{latency.first_token_s:g} s of one processor core a call"
        if embedded
        else f"{latency.first_token_s:g} s to the first token, then {latency.tokens_per_s:g} tokens/s"
    )
    return (f"about {answer_tokens:.0f} tokens an answer", speed)
