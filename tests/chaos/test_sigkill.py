"""SIGKILL at any moment, then resume: nothing is lost, and only what was in flight may be paid twice.

run 1  ━━━━━━━━━━✗                         kill: up to CONCURRENCY calls had started and were not stored
run 2            ┈┈━━━━━━━━✗               stored outcomes come back without a call
run 3                      ┈┈━━━━━━━━━━━► the result of a run that nobody killed
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import random
import signal
import sqlite3
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shared_agent.models.types import Free
from shared_agent.spec import ids
from tests.chaos.victim import CONCURRENCY, LATENCY_S, TASKS, run_job

KILLS = 20
SLOW_S = 20 * LATENCY_S  # long enough for a second process to join
KINDS = ("ask", "ask-twice")
# The spawning server imports the package once; each run is a fork of it and starts in milliseconds.
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["tests.chaos.victim"])


class Run:
    """One process that runs the job of a folder."""

    _numbers = itertools.count()

    def __init__(self, folder: Path, kind: str, *, latency_s: float = LATENCY_S) -> None:
        number = next(self._numbers)
        self.log = folder / f"calls-{number}.log"
        self.answer = folder / f"answer-{number}.json"
        self.log.touch()
        self.seen = folder / f"answer-{number}.json.seen"
        arguments = (str(folder), kind, str(self.log), str(self.answer), latency_s)
        self.process = _processes.Process(target=run_job, args=arguments)
        self.process.start()

    def wait_until(self, condition: Any) -> None:
        give_up_at = time.monotonic() + 30
        while self.process.is_alive() and not condition() and time.monotonic() < give_up_at:
            time.sleep(0.002)

    def kill(self) -> bool:
        """SIGKILL; False when it had ended by itself."""
        alive = self.process.is_alive() and not self.answer.exists()
        if self.process.pid is not None and alive:
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.join()
        return alive and self.process.exitcode == -signal.SIGKILL and not self.answer.exists()

    def result(self) -> dict[str, Any]:
        self.process.join(60)
        assert self.answer.exists(), f"the run ended with {self.process.exitcode} and no answer"
        return json.loads(self.answer.read_text())

    def calls(self, what: str) -> list[str]:
        lines = [line.split() for line in self.log.read_text().splitlines()]
        return [digest for event, digest, _ in lines if event == what]


def digest(prompt: str) -> str:
    return ids.digest(Free(prompt=prompt))[:16]


def paid_for(folder: Path) -> set[str]:
    """The calls whose answers are stored, in outcomes or in the journals of tasks that go on."""
    database = sqlite3.connect(folder / "home" / "state.db")
    try:
        rows = database.execute("SELECT key, value FROM state WHERE key LIKE 'task/%' OR key LIKE 'step/%'").fetchall()
    finally:
        database.close()
    found: set[str] = set()
    for key, value in rows:
        record = msgspec.json.decode(value)
        if key.startswith("step/"):
            found.add(digest(record["data"]["text"].lower()))
        elif record["state"] == "done":
            prompt = record["outcome"]["value"]["data"].lower()
            found |= {digest(prompt), digest(prompt.removeprefix("again "))}
    return found


@pytest.fixture(scope="module", params=KINDS)
def reference(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """A kind, and what a run that nobody kills makes of it."""
    run = Run(tmp_path_factory.mktemp("reference"), request.param)
    result = run.result()
    assert (result["status"], result["succeeded"]) == ("complete", TASKS)
    return request.param, result


def test_a_killed_job_resumes_to_the_same_result_and_repeats_only_what_was_in_flight(
    reference: tuple[str, dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kind, expected = reference
    chance = random.Random(f"chaos {kind}")
    table: list[str] = []
    kills = 0
    for number in itertools.count():
        folder = tmp_path / str(number)
        folder.mkdir()
        runs: list[Run] = []
        stored: list[set[str]] = []
        while True:
            run = Run(folder, kind)
            runs.append(run)
            run.wait_until(lambda run=run: run.log.stat().st_size)
            time.sleep(chance.uniform(0, 25 * LATENCY_S))
            if kills == KILLS // len(KINDS) or not run.kill():
                break
            kills += 1
            stored.append(paid_for(folder))
        result = runs[-1].result()
        assert {**result, "calls_made": 0} == {**expected, "calls_made": 0}
        for killed, (before, at_the_kill) in enumerate(zip(runs, stored, strict=False)):
            later = [call for run in runs[killed + 1 :] for call in run.calls("start")]
            repeated = set(before.calls("start")) & set(later)
            assert not at_the_kill & set(later), "a stored call was made again"
            assert len(repeated) <= CONCURRENCY
            assert set(before.calls("start")) - set(before.calls("end")) <= set(later), "a call in flight was lost"
            table.append(
                f"{kind:>9}  job {number}  kill {killed + 1}: {len(before.calls('start')):3} calls started, "
                f"{len(at_the_kill):3} paid for and kept, {len(repeated)} repeated"
            )
        for run in runs:
            starts = run.calls("start")
            assert len(starts) == len(set(starts)), "no run makes a call twice"
        if kills == KILLS // len(KINDS):
            break
    with capsys.disabled():
        print("", *table, sep="\n")


def test_an_attached_process_takes_over_from_a_killed_one(
    reference: tuple[str, dict[str, Any]], tmp_path: Path
) -> None:
    kind, expected = reference
    runner = Run(tmp_path, kind, latency_s=SLOW_S)
    runner.wait_until(lambda: runner.log.stat().st_size)
    attached = Run(tmp_path, kind, latency_s=SLOW_S)
    attached.wait_until(attached.seen.exists)
    assert runner.kill()
    kept = paid_for(tmp_path)
    assert attached.result()["value"] == expected["value"]
    assert not kept & set(attached.calls("start"))


def test_killing_an_attached_process_does_not_touch_the_run(
    reference: tuple[str, dict[str, Any]], tmp_path: Path
) -> None:
    kind, expected = reference
    runner = Run(tmp_path, kind, latency_s=SLOW_S)
    runner.wait_until(lambda: runner.log.stat().st_size)
    attached = Run(tmp_path, kind, latency_s=SLOW_S)
    attached.wait_until(attached.seen.exists)
    assert attached.kill()
    assert runner.result() == expected
