"""Counts what a job's calls would consume, by rendering the prompts that its chunks would be asked with.

No model is opened and nothing is sent: the inputs are read, the user's own agent file is imported, prices come from the
offline table.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from shared_agent.errors import InputError
from shared_agent.handlers import resolve
from shared_agent.models import prices, providers
from shared_agent.models.estimate import base_tokens
from shared_agent.models.prompts import render
from shared_agent.models.types import Free, Purpose, Summarise
from shared_agent.planner.plan import Latency, Plan, Stage, Timed, makespan, reduce_calls
from shared_agent.runtimes.local.preflight import in_job_words
from shared_agent.runtimes.submission import Survey, chunks, settings_of
from shared_agent.spec.document import Chunk
from shared_agent.spec.job import Job
from shared_agent.spec.limit import LimitSpec
from shared_agent.spec.settings import JobSettings, ModelRoles, Role
from shared_agent.spec.usage import Usage
from shared_agent.worker.kinds import TaskKind

_TOKENS_A_WORD = 1.4
_STRUCTURED_TOKENS = 150
_FREE_SHARE = 0.5
_EMBEDDED = "embedded"
# On two cores: 4,000 for chunks of 600 tokens that are summarised; four times as many where long texts are classified and
# searched, of which it only reads the likeliest sentences. The cautious end.
_EMBEDDED_TOKENS_PER_S = 5_000.0
_EMBEDDED_CALL_S = 0.02
_EMBEDDED_LOADING_S = 1.0
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
    """The plan of ``job``, or of the same job on another ``model``, with every model under other ``limits``.

    Raises InputError for a kind, an option or a model that is wrong, or when no price of a model is known.
    """
    settings, kind = check(job, base, model)
    calls, read, written = 0, 0.0, 0.0
    async for piece in chunks(job, base):
        for purpose in _asked(kind, settings, piece):
            calls += 1
            read += _prompt_tokens(purpose)
            written += _answer_tokens(settings, purpose)
    group_size = job.reduce.group_size if job.reduce.enabled and kind.reduce is not None else None
    reduces, levels = reduce_calls(survey.chunks, group_size)
    stages = [_stage(settings, _map_role(settings, kind), calls, read, written)]
    if reduces and kind.ask_reduce is not None:
        # Every result is read once by the group above it; each group's prompt also carries its instructions.
        asked = _asked(kind, settings, _NOTHING)
        framing = sum(map(_prompt_tokens, asked))
        answer = sum(_answer_tokens(settings, purpose) for purpose in asked)
        group = ((survey.chunks + reduces - 1) * answer) / reduces + framing
        stages.append(_stage(settings, "reduce", reduces - 1, (reduces - 1) * group, (reduces - 1) * answer))
        stages.append(_stage(settings, "final", 1, group, answer))
    timed = [_timed(settings, stage, levels, limits, latency) for stage in stages]
    duration_s, bound_by = makespan(timed, concurrency=job.concurrency)
    if any(stage.calls and stage.model == _EMBEDDED for stage in stages):
        duration_s += _EMBEDDED_LOADING_S
    table = prices.price_table()
    return Plan(
        documents=survey.documents,
        chunks=survey.chunks,
        characters=survey.characters,
        levels=levels,
        stages=tuple(stage for stage in stages if stage.calls),
        makespan_s=duration_s,
        bound_by=bound_by,
        price_table=f"{table.source}, {table.date.isoformat()}",
        assumptions=_assumptions(kind, timed, written / max(1, calls), reduces),
        skipped=survey.skipped,
    )


def check(job: Job, base: Path, model: str | None = None) -> tuple[JobSettings, TaskKind]:
    """The settings and the kind that the plan is for, before the inputs are read. Raises InputError as make_plan does."""
    settings = settings_of(job, base, "plan")
    if model is not None:
        settings = msgspec.structs.replace(settings, models=ModelRoles(map=model))
    kind = resolve(settings)
    if kind.check is not None:
        kind.check(settings)
    combining: tuple[Role, ...] = ("reduce", "final") if kind.ask_reduce is not None and job.reduce.enabled else ()
    for role in (_map_role(settings, kind), *combining):
        _usd(settings, role, Usage(input_tokens=1))
    return settings, kind


def _map_role(settings: JobSettings, kind: TaskKind) -> Role:
    """Judging is the one map that plays another role."""
    return "judge" if kind.name == "judge" and settings.models.judge else "map"


def _stage(settings: JobSettings, role: Role, calls: int, input_tokens: float, output_tokens: float) -> Stage:
    usage = Usage(calls=calls, input_tokens=round(input_tokens), output_tokens=round(output_tokens))
    most = Usage(calls=calls, input_tokens=usage.input_tokens, output_tokens=calls * settings.max_output_tokens)
    return Stage(
        role=role,
        model=settings.models.name(role),
        calls=calls,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        usd=_usd(settings, role, usage),
        usd_most=_usd(settings, role, most),
    )


def _timed(
    settings: JobSettings, stage: Stage, levels: int, limits: Sequence[LimitSpec] | None, latency: Latency | None
) -> Timed:
    standing = settings.limits_of(stage.model)
    return Timed(
        stage=stage,
        latency=latency or _latency(stage),
        chain=levels - 1 if stage.role == "reduce" else 1,
        limits=tuple(limit for limit in settings.limits if limit.name in standing) if limits is None else tuple(limits),
    )


def _latency(stage: Stage) -> Latency:
    if stage.model != _EMBEDDED:
        return Latency()
    # It reads every token of its input on a core, and what it gives back it copies.
    reading_s = stage.input_tokens / max(1, stage.calls) / _EMBEDDED_TOKENS_PER_S
    return Latency(first_token_s=_EMBEDDED_CALL_S + reading_s, tokens_per_s=1e9, places=os.cpu_count() or 1)


def _usd(settings: JobSettings, role: Role, usage: Usage) -> float:
    model = settings.models.name(role)
    if model == _EMBEDDED:
        return 0.0
    provider, _, name = model.partition(":")
    options = settings.model_options.get(model)
    if provider not in providers() or not name:
        known = ", ".join(f"{known}:MODEL" for known in providers() if known != _EMBEDDED)
        raise InputError(f"models.{role}", f"unknown provider in {model!r}", remedy=f"write embedded, {known}")
    try:
        overrides = prices.parse_overrides({model: dict(options.prices)}) if options and options.prices else None
        prices.require_price(model, overrides=overrides)
    except InputError as error:
        raise in_job_words(error, f"models.{role}", model) from error
    return prices.price(model, usage, overrides=overrides) or 0.0


def _asked(kind: TaskKind, settings: JobSettings, piece: Chunk) -> Sequence[Purpose]:
    """What the model is asked about one chunk."""
    if kind.ask_map is None:
        return (Free(prompt=f"{settings.instructions}\n{piece.text}"),)
    asked = kind.ask_map(settings, piece)
    return asked if isinstance(asked, Sequence) else (asked,)


def _prompt_tokens(purpose: Purpose) -> float:
    prompt = render(purpose)
    return base_tokens(prompt.system) + base_tokens(prompt.user)


def _answer_tokens(settings: JobSettings, purpose: Purpose) -> float:
    """Tokens of a typical answer: what the purpose asks for, never above the cap."""
    match purpose:
        case Summarise(max_words=words):
            expected = words * _TOKENS_A_WORD
        case Free():
            expected = settings.max_output_tokens * _FREE_SHARE
        case _:
            expected = _STRUCTURED_TOKENS
    return min(expected, settings.max_output_tokens)


def _assumptions(kind: TaskKind, timed: Sequence[Timed], answer_tokens: float, reduces: int) -> tuple[str, ...]:
    said: list[str] = []
    if kind.ask_map is None:
        said.append(f"one call a chunk with its text as the prompt: {kind.name} does not say what it asks")
    said.append(f"about {answer_tokens:.0f} tokens an answer")
    if reduces and kind.ask_reduce is None:
        said.append(f"its {reduces:,} reductions {'are counted as asking' if kind.ask_map is None else 'ask'} no model")
    if any(part.latency.places is None for part in timed):
        latency = next(part.latency for part in timed if part.latency.places is None)
        said.append(f"{latency.first_token_s:g} s to the first token, then {latency.tokens_per_s:g} tokens/s")
    if any(part.latency.places is not None for part in timed):
        said.append(f"the embedded model reads {_EMBEDDED_TOKENS_PER_S:,.0f} tokens/s on a core")
    return tuple(said)
