"""Every requirement of ``requirements/``, on the runtime that ``--runtime`` names."""

from __future__ import annotations

from tests.conformance.checks import failures
from tests.conformance.requirement import Requirement
from tests.conformance.runner import observe


async def test_the_runtime_meets(requirement: Requirement, runtime: str) -> None:
    found = failures(requirement, await observe(requirement, runtime))
    assert not found, f"{requirement.title}\n  " + "\n  ".join(found)
