"""A job run in a process that a test may kill: every call leaves a line in a log when it starts and when it ends."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from shared_agent.errors import SharedAgentError
from shared_agent.handlers import register
from shared_agent.runtimes.local.home import Home
from shared_agent.runtimes.local.runtime import LocalRuntime
from shared_agent.runtimes.submission import prepare
from shared_agent.spec.job import Job
from shared_agent.worker.kinds import TaskKind
from tests.support.scripted_model import Script, scripted

TASKS = 60
CONCURRENCY = 8
LATENCY_S = 0.012


async def _ask(context: Any, chunk: Any) -> Any:
    return (await context.complete(chunk.text)).text


async def _ask_twice(context: Any, chunk: Any) -> Any:
    first = await context.complete(chunk.text)
    return (await context.complete(f"again {first.text.lower()}")).text


async def _bracket(context: Any, values: Any) -> Any:
    return (await context.complete(f"({' '.join(values).lower()})")).text


register(TaskKind(name="ask", map=_ask, reduce=_bracket, calls="one"))
register(TaskKind(name="ask-twice", map=_ask_twice, reduce=_bracket))


def run_job(folder: str, kind: str, log: str, answer: str, latency_s: float) -> None:
    """Run, resume or attach to the job of ``folder``; write to the file ``answer`` what came of it.

    The file ``answer``.seen appears once this process runs the job, or follows the one that does.
    """
    seen = Path(f"{answer}.seen")
    script = Script(log=log, latency_s=lambda number: latency_s * (0.5 + number * 7 % 10 / 10))
    job = Job.parse(
        {
            "kind": kind,
            "name": "chaos",
            "inputs": [{"text": f"w{number}"} for number in range(TASKS)],
            "models": scripted(script),
            "reduce": {"group_size": 4},
            "concurrency": CONCURRENCY,
            "output": {"dir": f"{folder}/out"},
        }
    )

    async def run() -> dict[str, Any]:
        try:
            runtime = LocalRuntime(home=Home(Path(folder) / "home"), on_progress=lambda _: seen.touch())
            result = await runtime.run(await prepare(job, Path(folder)))
        except SharedAgentError as error:
            return {"error": str(error)}
        return {
            "job_id": result.job_id,
            "status": result.status,
            "value": result.value,
            "succeeded": result.coverage.succeeded,
            "calls_made": result.calls_made,
        }

    written = asyncio.run(run())
    Path(f"{answer}.part").write_text(json.dumps(written))
    Path(f"{answer}.part").rename(answer)
