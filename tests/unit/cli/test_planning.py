"""``plan``: honest figures, and neither a model nor the network."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from typer.testing import CliRunner

from shared_agent.cli.app import app

_WATCHED = """
import sys
def refuse(event, args):
    if event in {"socket.connect", "socket.getaddrinfo"}:
        raise RuntimeError(event)
sys.addaudithook(refuse)
from shared_agent.cli.app import run_app
try:
    run_app(sys.argv[1:])
finally:
    loaded = {"anthropic", "openai", "onnxruntime", "tokenizers"} & set(sys.modules)
    print(sorted(loaded), file=sys.stderr)
"""


def plan(desk: Any, *options: str) -> str:
    done = CliRunner().invoke(app, ["plan", str(desk.folder / "job.yaml"), *options])
    assert done.exit_code == 0, done.stderr
    return done.stdout


def test_a_named_provider_is_planned_without_its_key_its_library_or_the_network(desk: Any) -> None:
    desk.write("job.yaml", "kind: summarise\ninputs: docs\nreduce: {group_size: 3}\n")
    planned = subprocess.run(
        [
            sys.executable,
            "-c",
            _WATCHED,
            "plan",
            "job.yaml",
            "-m",
            "anthropic:claude-haiku-4-5",
            "--quota",
            "50,,10000",
        ],
        cwd=desk.folder,
        env=desk.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert planned.stderr == "[]\n"
    assert "8 documents" in planned.stdout
    assert "13 calls" not in planned.stdout
    assert "12 calls, 2 reduction levels" in planned.stdout
    for role in ("map", "reduce", "final", "total"):
        assert f"\n  {role:7} " in planned.stdout
    assert "prices    genai-prices" in planned.stdout
    assert "s to the first token" in planned.stdout
    assert not (desk.folder / ".shared-agent").exists()


def test_a_kind_that_says_nothing_of_its_calls_is_planned_with_that_caveat(desk: Any) -> None:
    made = json.loads(plan(desk, "--json"))
    assert made["chunks"] == 8
    assert made["levels"] == 0
    assert [stage["role"] for stage in made["stages"]] == ["map"]
    assert made["stages"][0]["usd"] == 0.0
    assert made["assumptions"][0] == "one call a chunk with its text as the prompt: nap does not say what it asks"


def test_files_that_are_passed_over_are_counted(desk: Any) -> None:
    (desk.folder / "docs" / "picture.png").write_bytes(b"\x89PNG\x00\x00")
    assert "passed over 1 (binary)" in plan(desk)


def test_a_quota_on_another_model_does_not_bind(desk: Any) -> None:
    desk.write(
        "job.yaml",
        "kind: summarise\ninputs: docs\nmodels: {map: embedded, final: 'openai:gpt-5-mini'}\n"
        "limits: [{name: openai, requests_per_minute: 1}, {name: other, requests_per_minute: 0.001}]\n",
    )
    made = json.loads(plan(desk, "--json"))
    assert [(stage["role"], stage["model"]) for stage in made["stages"]] == [
        ("map", "embedded"),
        ("final", "openai:gpt-5-mini"),
    ]
    assert made["bound_by"] == "limit openai: requests a minute"
    assert made["makespan_s"] == pytest.approx(45, abs=10)


def test_plan_from_another_folder_finds_the_agent_beside_the_job(desk: Any) -> None:
    (desk.folder / "sub").mkdir()
    planned = subprocess.run(
        [sys.executable, "-m", "shared_agent", "plan", "../job.yaml", "--json"],
        cwd=desk.folder / "sub",
        env=desk.environment(),
        capture_output=True,
        check=True,
    )
    assert json.loads(planned.stdout)["documents"] == 8
