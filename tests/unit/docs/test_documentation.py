"""The documentation names what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared_agent.handlers import kinds
from shared_agent.models import providers
from shared_agent.spec.job import Input, Job

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("docs/**/*.md"), *ROOT.glob("*.md")])


def test_every_field_of_a_job_is_documented() -> None:
    page = (ROOT / "docs/job.md").read_text()
    assert [name for name in (*Job.model_fields, *Input.model_fields) if f"`{name}`" not in page] == []


def test_every_built_in_kind_and_provider_is_documented() -> None:
    job_page, model_page = (ROOT / "docs/job.md").read_text(), (ROOT / "docs/models.md").read_text()
    assert [kind for kind in ("answer", "classify", "extract", "judge", "summarise") if kind not in kinds()] == []
    assert [
        kind
        for kind in kinds()
        if kind in {"answer", "classify", "extract", "judge", "summarise"} and f"| `{kind}` |" not in job_page
    ] == []
    assert [name for name in providers() if f"`{name}" not in model_page and ":" not in name] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []
