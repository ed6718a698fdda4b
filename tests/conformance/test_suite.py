"""The suite itself: its files are strict, its page is up to date, and it notices a runtime that does not conform."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conformance import page
from tests.conformance.checks import failures
from tests.conformance.requirement import FOLDER, Requirement, RequirementError, load, load_all
from tests.conformance.runner import observe


def altered(name: str, **expect: Any) -> Requirement:
    """A requirement with other expectations."""
    data = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    data["expect"] |= expect
    return Requirement.model_validate(data)


def test_the_docs_page_lists_the_requirements_as_they_are() -> None:
    remedy = "run: python -m tests.conformance.page"
    assert page.PAGE.read_text(encoding="utf-8") == page.render(load_all()), remedy


@pytest.mark.parametrize(
    ("correct", "wrong", "named"),
    [
        ("latency_s", "latency", "given.provider.otherwise.latency"),
        ("prompts:", "promts:", "expect.promts"),
        ("contains:", "contians:", "expect.prompts.0.contians"),
        ("topic: fan-out", "topic: fanout", "topic"),
        ("id: map-every-input", "id: another-id", "name the file after it"),
    ],
)
def test_a_typo_in_a_requirement_fails_the_run(tmp_path: Path, correct: str, wrong: str, named: str) -> None:
    text = (FOLDER / "map-every-input.yaml").read_text(encoding="utf-8")
    assert correct in text
    broken = tmp_path / "map-every-input.yaml"
    broken.write_text(text.replace(correct, wrong), encoding="utf-8")
    with pytest.raises(RequirementError, match=r"map-every-input\.yaml") as raised:
        load(broken)
    assert named in str(raised.value)


def test_a_restriction_to_a_runtime_needs_a_reason() -> None:
    data = yaml.safe_load((FOLDER / "quorum.yaml").read_text(encoding="utf-8"))
    with pytest.raises(ValueError, match="go together"):
        Requirement.model_validate(data | {"runtimes": ["local"]})


@pytest.mark.parametrize(
    ("name", "expect", "complaint"),
    [
        ("identical-inputs", {"calls": 3}, "calls: 2, expected exactly 3"),
        ("identical-inputs", {"status": "incomplete"}, "status is complete, not incomplete"),
        ("identical-inputs", {"value": ["one", "two"]}, "value is"),
        ("transient-retried", {"outcomes": [{"source": "doc-003", "retries": 0}]}, "retries of doc-003: 2"),
        ("transient-retried", {"gaps": [{"contains": "document 003", "at_least_s": 5}]}, "not at least 5 s"),
        ("concurrency-cap", {"concurrent": {"at_most": 1}}, "calls at once: 4, expected at most 1"),
        ("concurrency-cap", {"rate": {"per_second": 1, "burst": 2}}, "are allowed"),
        ("misspelt-job", {"refused": {"field": "kind"}}, "not 'kind'"),
        ("order-of-results", {"task_ids": ["map-000001"]}, "the tasks are map-000000"),
        ("unicode", {"prompts": [{"contains": ["東京"], "count": 2}]}, "expected exactly 2"),
        ("redelivered-after", {"job_ids": "ab"}, "not alike"),
    ],
)
async def test_what_does_not_hold_is_said(name: str, expect: dict[str, Any], complaint: str) -> None:
    requirement = altered(name, **expect)
    found = failures(requirement, await observe(requirement, "local"))
    assert any(complaint in line for line in found), found


async def test_a_call_that_was_answered_and_is_made_again_is_noticed() -> None:
    requirement = altered("map-every-input")
    seen = await observe(requirement, "local")
    seen.log.repeats += 1
    assert failures(requirement, seen) == ["calls of what was answered before: 1, expected exactly 0"]


async def test_a_charge_that_no_job_accounts_for_is_noticed() -> None:
    requirement = altered("usage-adds-up")
    seen = await observe(requirement, "local")
    seen.log.answered[0].output_tokens += 5
    assert failures(requirement, seen) == ["the jobs account for 2600 output tokens, the provider charged 2605"]
