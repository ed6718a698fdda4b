"""Importing what a worker needs brings in no SDK and nothing heavy."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

# msgspec imports typing_extensions where it is installed.
_ALLOWED = {"msgspec", "shared_agent", "typing_extensions"}


def _packages_imported_by(statement: str) -> set[str]:
    probe = f"""
import json, sys
before = set(sys.modules)
{statement}
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, check=True, timeout=60)
    packages = {module.partition(".")[0] for module in json.loads(done.stdout)}
    return packages - sys.stdlib_module_names


@pytest.mark.parametrize(
    "statement",
    [
        "import shared_agent.worker",
        "import shared_agent.handlers",
        "from shared_agent.patterns.pool import Pool, gather_bounded",
        "from shared_agent.models import open_model",
        "from shared_agent.limits import open_limiter",
        "from shared_agent.stores import open_artifacts, open_state",
        "from shared_agent.worker import Context, TaskKind, Worker",
    ],
)
def test_importing_what_a_worker_needs_brings_in_no_sdk(statement: str) -> None:
    assert _packages_imported_by(statement) <= _ALLOWED


def test_the_probe_sees_what_an_import_brings_in() -> None:
    assert "pydantic" in _packages_imported_by("import shared_agent.spec.job")
