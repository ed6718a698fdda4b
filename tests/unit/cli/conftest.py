"""A desk at which a user works: a folder with documents, an agent of their own, a job file, and the command line."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from shared_agent.runtimes.local.record import JobRecord, all_jobs
from shared_agent.stores import open_state

AGENT = """
import asyncio, os
from shared_agent.handlers import handler

FIRST = ("docs/d0.md", "docs/d1.md", "docs/d2.md")

@handler("nap")
async def nap(context, chunk):
    with open("runs.log", "a") as runs:
        runs.write(chunk.source + "\\n")
    print("the agent prints", chunk.source)
    if chunk.source in os.environ.get("FAILS", "").split():
        raise ValueError("cannot nap here")
    while "GATE" in os.environ and chunk.source not in FIRST and not os.path.exists("gate"):
        await asyncio.sleep(0.02)
    return len(chunk.text)
"""

FIRST = ("docs/d0.md", "docs/d1.md", "docs/d2.md")
"""With GATE set the other documents are waited for until the file ``gate`` is there: a run stands still at will."""

JOB = "kind: agent.py:nap\nname: nap\ninputs: docs\nconcurrency: 2\n"


@dataclass(slots=True)
class Desk:
    """``run`` waits for a command, ``start`` does not; ``environment`` is what the agent above looks at."""

    folder: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "shared_agent", *arguments],
            cwd=self.folder,
            env=self.environment(**environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.endswith(("_API_KEY", "_AUTH_TOKEN"))}
        return kept | {"PYTHONPATH": str(Path(__file__).parents[3]), "COLUMNS": "100"} | more

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments, **environment)
        out, err = process.communicate(timeout=60)
        assert "Traceback" not in out + err, err
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def json(self, *arguments: str, **environment: str) -> Any:
        return json.loads(self.run(*arguments, "--json", **environment).stdout)

    def worked_on(self) -> list[str]:
        """The documents that the agent was given, in order, once for each time."""
        log = self.folder / "runs.log"
        return log.read_text().split() if log.exists() else []

    def open_gate(self) -> None:
        self.write("gate", "")

    def job_id(self) -> str:
        """The id of the only job here, read as any other process may."""
        (record,) = asyncio.run(self._records())
        return record.job_id

    async def _records(self) -> list[JobRecord]:
        state = open_state(f"sqlite:////{self.folder}/.shared-agent/state.db")
        try:
            return await all_jobs(state)
        finally:
            await state.aclose()

    def wait_until(self, condition: Callable[[], bool]) -> None:
        give_up_at = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < give_up_at, "waited for too long"
            time.sleep(0.02)

    def wait_at_the_gate(self) -> None:
        """Until the first three are done, two are in flight, and the rest has not begun."""
        self.wait_until(lambda: len(self.worked_on()) == 5)


def ended(process: subprocess.Popen[str], interrupt: int | None = None) -> tuple[int, str, str]:
    """Exit code, output and errors of a process, after sending it a signal."""
    if interrupt is not None:
        process.send_signal(interrupt)
    out, err = process.communicate(timeout=30)
    out, err = out or "", err or ""  # None where the test has closed the stream
    assert "Traceback" not in out + err, err
    return process.returncode, out, err


@pytest.fixture
def desk(tmp_path: Path) -> Any:
    desk = Desk(tmp_path)
    desk.write("agent.py", AGENT)
    desk.write("job.yaml", JOB)
    for number in range(8):
        desk.write(f"docs/d{number}.md", f"Document {number} says something.")
    yield desk
    for process in desk.started:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.communicate()
