"""Jobs on texts given in place, run by the local runtime in a home of their own."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared_agent.handlers import register
from shared_agent.runtimes.local.home import Home
from shared_agent.runtimes.local.runtime import LocalRuntime
from shared_agent.runtimes.result import JobResult
from shared_agent.runtimes.submission import prepare
from shared_agent.spec.job import Job
from shared_agent.worker.kinds import TaskKind
from tests.support.scripted_model import Script, scripted

_names = itertools.count(1)


async def _shout(context: Any, chunk: Any) -> Any:
    return (await context.complete(chunk.text)).text


async def _bracket(context: Any, values: Any) -> Any:
    return (await context.complete(f"({' '.join(values)})")).text


register(TaskKind(name="bracket", map=_shout, reduce=_bracket, calls="one"))
register(TaskKind(name="shout", map=_shout, calls="one"))

Submit = Callable[..., Any]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Job]:
    """``make(script, n, kind=…)`` is a job over n one-word texts."""

    def make(script: Script, n: int = 10, **fields: Any) -> Job:
        chosen: dict[str, Any] = {
            "kind": "bracket",
            "name": f"j{next(_names)}",
            "inputs": [{"text": f"w{number}"} for number in range(n)],
            "models": scripted(script),
            "retry": {"attempts": 2, "base_s": 0.001, "cap_s": 0.002},
            "reduce": {"group_size": 3},
            "concurrency": 4,
            "output": {"dir": str(tmp_path / "out")},
        }
        return Job.parse(chosen | fields)

    return make


@pytest.fixture
def run(home: Home, tmp_path: Path) -> Callable[..., Any]:
    """``await run(job, retry_failed=…)`` runs it in the test's home."""

    async def run(job: Job, **options: Any) -> JobResult:
        return await LocalRuntime(home=options.pop("home", home), **options).run(await prepare(job, tmp_path))

    return run
