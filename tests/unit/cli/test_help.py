"""Help, ``models``, ``doctor`` and ``status``: what a newcomer types first."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from shared_agent.cli.app import app
from shared_agent.runtimes.local.record import JobRecord, Progress
from shared_agent.runtimes.result import JobResult
from shared_agent.spec.completion import EndReason
from shared_agent.spec.coverage import Coverage
from shared_agent.stores import open_state

COMMANDS = ("run", "plan", "status", "resume", "cancel", "report", "models", "doctor")


def call(*arguments: str) -> Any:
    done = CliRunner().invoke(app, arguments, env={"COLUMNS": "100"})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    text = call(command, "--help").stdout
    assert "Example" in text
    assert f"shared-agent {command}" in text.partition("Example")[2]


def test_the_first_help_lists_the_commands_and_the_exit_codes() -> None:
    text = " ".join(call("--help").stdout.split())
    assert all(command in text for command in COMMANDS)
    for code in ("0 complete", "1 failed", "2 bad input", "3 incomplete", "4 a store", "70 a fault", "130 cancelled"):
        assert code in text


def test_models_says_what_each_provider_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    rows = {line.split()[0]: line for line in call("models").stdout.splitlines() if line}
    assert rows["embedded"].endswith("ready")
    assert rows["openai:MODEL"].endswith("set OPENAI_API_KEY")
    monkeypatch.setenv("OPENAI_API_KEY", "a key")
    assert {row["name"]: row for row in json.loads(call("models", "--json").stdout)}["openai:MODEL"]["missing"] == []


def test_models_shows_the_prices_of_one_with_their_date() -> None:
    rates = json.loads(call("models", "anthropic:claude-haiku-4-5", "--json").stdout)
    assert rates["output_usd_per_mtok"] > rates["input_usd_per_mtok"] > rates["cached_input_usd_per_mtok"] > 0
    assert rates["prices"].startswith("genai-prices ")


def test_doctor_checks_a_home_without_making_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    checks = {check["name"]: check for check in json.loads(call("doctor", "--home", str(home), "--json").stdout)}
    assert checks["home folder"]["ok"]
    assert checks["embedded model"]["ok"]
    assert not home.exists()

    home.write_text("a file")
    done = call("doctor", "--home", str(home))
    assert done.exit_code == 1
    assert "MISS home folder" in done.stdout


async def _remember(home: Path, *records: JobRecord) -> None:
    state = open_state(f"sqlite:////{home / 'state.db'}")
    for record in records:
        await state.update(f"job/{record.job_id}", lambda _, now, record=record: (msgspec.json.encode(record), None))
    await state.aclose()


def test_status_tells_running_interrupted_and_ended_apart(tmp_path: Path) -> None:
    progress = Progress(total=10, succeeded=4, in_flight=2)
    result = JobResult(job_id="c", status="incomplete", reason=EndReason.DEADLINE, coverage=Coverage(submitted=10))
    remember = _remember(
        tmp_path,
        JobRecord(job_id="a", state="running", updated_at=4e9, submitted_at=3, progress=progress),
        JobRecord(job_id="b", state="running", updated_at=1.0, submitted_at=2, progress=progress),
        JobRecord(job_id="c", state="ended", updated_at=1.0, submitted_at=1, progress=progress, result=result),
    )
    asyncio.run(remember)
    table = [line.split() for line in call("status", "--home", str(tmp_path)).stdout.splitlines()]
    assert [(row[0], row[1]) for row in table[1:]] == [("a", "running"), ("b", "interrupted"), ("c", "incomplete")]
    assert "shared-agent cancel a" in call("status", "a", "--home", str(tmp_path)).stdout
    interrupted = call("status", "b", "--home", str(tmp_path)).stdout
    assert f"shared-agent resume b --home {tmp_path} (its process is gone)" in interrupted
    assert "the fan-out ended early: deadline" in call("status", "c", "--home", str(tmp_path)).stdout
    assert "its process is gone" in call("cancel", "b", "--home", str(tmp_path)).stdout


def test_status_where_nothing_was_run_is_no_error(tmp_path: Path) -> None:
    done = call("status", "--home", str(tmp_path))
    assert (done.exit_code, done.stdout) == (0, f"no jobs yet in {tmp_path}\n")
    assert json.loads(call("status", "--home", str(tmp_path), "--json").stdout) == []
    assert list(tmp_path.iterdir()) == []
