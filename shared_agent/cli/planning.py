"""``plan``: what a job would do and cost."""

from __future__ import annotations

import asyncio
from pathlib import Path

from shared_agent.cli import exits, output
from shared_agent.cli.place import Changes
from shared_agent.errors import InputError
from shared_agent.inputs.jobfile import load_job
from shared_agent.observe.text import clock, shortened
from shared_agent.planner import Plan, check, make_plan
from shared_agent.runtimes.submission import take_survey
from shared_agent.spec.job import Job
from shared_agent.spec.limit import DIMENSIONS, LimitSpec

_MODEL_WIDTH = 34


def plan(file: Path, changes: Changes, *, model: str | None, quota: str | None, as_json: bool) -> int:
    """Plan the job in ``file``; returns the exit code."""
    loaded, base = load_job(file)
    job = changes.apply(loaded)
    if model is not None and not model:
        raise InputError("--model", "is empty", remedy="`shared-agent models` lists what there is")
    limits = [_quota(quota, model or job.models.map)] if quota is not None else None
    with output.kept_clean(as_json):
        made = asyncio.run(_plan(job, base, model, limits))
    if as_json:
        output.print_json(made)
    else:
        print(render(made))
    return exits.COMPLETE


async def _plan(job: Job, base: Path, model: str | None, limits: list[LimitSpec] | None) -> Plan:
    check(job, base, model)
    survey = await take_survey(job, base)
    if not survey.chunks:
        raise InputError("inputs", "hold no text to work on", remedy="name at least one file that is not blank")
    return await make_plan(job, base, survey, model=model, limits=limits)


def render(made: Plan) -> str:
    """The plan as a small table."""
    usage = made.usage
    lines = [
        f"{made.documents:,} documents, {made.characters:,} characters, {made.chunks:,} chunks; "
        f"{made.calls:,} calls, {made.levels} reduction level{'' if made.levels == 1 else 's'}",
        *(f"passed over {count:,} ({reason})" for reason, count in made.skipped.items()),
        "",
        f"  {'role':7} {'model':{_MODEL_WIDTH}} {'calls':>8} {'input tok':>12} {'output tok':>12} {'USD':>10} "
        f"{'at most':>10}",
        *(
            _row(
                stage.role, stage.model, stage.calls, stage.input_tokens, stage.output_tokens, stage.usd, stage.usd_most
            )
            for stage in made.stages
        ),
        _row("total", "", usage.calls, usage.input_tokens, usage.output_tokens, usage.usd, made.usd_most),
        "",
        f"  makespan  about {clock(made.makespan_s)}, bound by {made.bound_by}",
        f"  prices    {made.price_table}",
    ]
    first, *others = made.assumptions
    lines.append(f"  assumed   {first}")
    lines += [f"            {other}" for other in others]
    return "\n".join(lines)


def _row(role: str, model: str, calls: int, read: int, written: int, usd: float, most: float) -> str:
    name = shortened(model, _MODEL_WIDTH)
    return f"  {role:7} {name:{_MODEL_WIDTH}} {calls:8,} {read:12,} {written:12,} {usd:10.4f} {most:10.4f}"


def _quota(words: str, model: str) -> LimitSpec:
    """``50,50000,10000`` as a limit; a dimension left empty (``50,,``) is not limited."""
    wrong = InputError(
        "--quota", f"is {words!r}", remedy="give requests, input and output tokens a minute, such as 50,50000,10000"
    )
    parts = [word.strip().replace("_", "") for word in words.split(",")]
    if len(parts) != len(DIMENSIONS):
        raise wrong
    try:
        requests, read, written = (float(part) if part else None for part in parts)
        return LimitSpec(
            name=model,
            requests_per_minute=requests,
            input_tokens_per_minute=read,
            output_tokens_per_minute=written,
        )
    except (ValueError, InputError) as error:
        raise wrong from error
