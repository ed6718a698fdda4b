"""``plan``: what a job would do and cost."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msgspec

from shared_agent.cli.progress import clock
from shared_agent.cli.running import Changes
from shared_agent.errors import InputError
from shared_agent.inputs.jobfile import load_job
from shared_agent.planner import Plan, make_plan
from shared_agent.runtimes.submission import take_survey
from shared_agent.spec.limit import LimitSpec


def plan(file: Path, changes: Changes, *, model: str | None, quota: str | None, as_json: bool) -> int:
    """Plan the job in ``file``; returns the exit code."""
    loaded, base = load_job(file)
    job = changes.apply(loaded)
    limits = [_quota(quota, model or job.models.map)] if quota is not None else None

    async def main() -> Plan:
        survey = await take_survey(job, base)
        return await make_plan(job, base, survey, model=model, limits=limits)

    made = asyncio.run(main())
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(made) + b"\n")
    else:
        print(render(made))
    return 0


def render(made: Plan) -> str:
    """The plan as a small table."""
    lines = [
        f"{made.documents} documents, {made.characters:,} characters, {made.chunks} chunks; "
        f"{made.calls} calls, {made.levels} reduction levels",
        "",
        f"  {'role':8} {'model':32} {'calls':>7} {'input tok':>11} {'output tok':>11} {'USD':>9} {'at most':>9}",
    ]
    lines += [
        f"  {stage.role:8} {stage.model:32} {stage.calls:7,} {stage.input_tokens:11,} {stage.output_tokens:11,} "
        f"{stage.usd:9.4f} {stage.usd_most:9.4f}"
        for stage in made.stages
    ]
    usage = made.usage
    lines += [
        f"  {'total':8} {'':32} {usage.calls:7,} {usage.input_tokens:11,} {usage.output_tokens:11,} "
        f"{usage.usd:9.4f} {made.usd_most:9.4f}",
        "",
        f"  makespan  about {clock(made.makespan_s)}, bound by {made.bound_by}",
        f"  prices    {made.price_table}",
        f"  assumed   {'; '.join(made.assumptions)}",
    ]
    return "\n".join(lines)


def _quota(words: str, model: str) -> LimitSpec:
    try:
        requests, input_tokens, output_tokens = (float(word) for word in words.split(","))
    except ValueError as error:
        raise InputError("--quota", f"is {words!r}", remedy="give R,I,O such as 50,50000,10000") from error
    return LimitSpec(
        name=model,
        requests_per_minute=requests,
        input_tokens_per_minute=input_tokens,
        output_tokens_per_minute=output_tokens,
    )
