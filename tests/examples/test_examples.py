"""Every example runs as it stands, on the embedded model, and says what it should."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

from examples.licence_review.collect import texts_of

ROOT = Path(__file__).parents[2]


def run(example: str, folder: Path, *options: str) -> list[dict[str, Any]]:
    """Runs an example's job from ``folder``; returns its outcomes."""
    job = str(ROOT / "examples" / example / "job.yaml")
    command = [sys.executable, "-m", "shared_agent", "run", job, "--out", str(folder / "out"), *options]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (ended.returncode, "complete" in ended.stdout) == (0, True), ended.stdout + ended.stderr
    return [json.loads(line) for line in (folder / "out" / "outcomes.jsonl").read_text().splitlines()]


def test_a_folder_is_summarised_in_its_own_sentences(tmp_path: Path) -> None:
    run("summarise_folder", tmp_path)
    summary = (tmp_path / "out/result.md").read_text()
    assert summary.count("[extractive: sentences selected from the input, not written]") == 1
    pages = " ".join(" ".join(page.read_text().split()) for page in ROOT.glob("docs/**/*.md"))
    first = summary.split(". ")[0]
    assert first in pages


def test_fields_are_extracted_where_the_text_states_them(tmp_path: Path) -> None:
    rows = [outcome["value"]["data"] for outcome in run("extract_schema", tmp_path)]
    assert rows[0] == {
        "invoice_number": "INV-20417",
        "date": "2026-03-02",
        "total": 1740.0,
        "email": "billing@northpier.example",
    }
    assert rows[1] == {"invoice_number": "INV-20418", "date": "2026-03-09", "total": 96.5}
    assert "invoice_number" not in rows[3]


def test_every_row_gets_a_label_and_the_tally_adds_up(tmp_path: Path) -> None:
    outcomes = run("classify_jsonl", tmp_path)
    tally = json.loads((tmp_path / "out/result.json").read_text())["value"]
    assert tally["inputs"] == sum(tally["counts"].values()) == len(outcomes) == 16
    labels = {outcome["source"].rpartition("#")[2]: outcome["value"]["label"] for outcome in outcomes}
    assert (labels["F12"], labels["F09"], labels["F11"]) == ("bug", "praise", "question")


def test_a_question_is_answered_with_its_sources(tmp_path: Path) -> None:
    run("answer_question", tmp_path)
    answer = json.loads((tmp_path / "out/result.json").read_text())["value"]
    assert answer["found"]
    assert "crash" in answer["answer"]
    assert all("docs/" in source for source in answer["sources"])


def test_an_agent_of_ones_own_is_five_lines(tmp_path: Path) -> None:
    outcomes = run("own_agent", tmp_path)
    assert len(outcomes) >= len(list(ROOT.glob("docs/*.md")))
    assert all(outcome["value"]["headline"] for outcome in outcomes)


@pytest.fixture
def licences(tmp_path: Path) -> Path:
    """The texts of a few packages whose licences are known."""
    for name in ("click", "msgspec", "certifi", "pytest", "obstore"):
        try:
            texts = list(texts_of(distribution(name)))
        except ModuleNotFoundError:
            continue
        for file_name, text in texts:
            path = tmp_path / "texts" / name / file_name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return tmp_path / "texts"


def test_the_licence_review_tells_families_apart(licences: Path, tmp_path: Path) -> None:
    outcomes = run("licence_review", tmp_path, "--inputs", str(licences))
    families = {
        Path(outcome["source"].partition(" (part")[0]).parent.name: outcome["value"]["family"]
        for outcome in outcomes
        if "LICENSE" in outcome["source"].upper()
    }
    expected = {"msgspec": "BSD", "certifi": "MPL-2.0", "pytest": "MIT"}
    known = {name: family for name, family in expected.items() if name in families}
    assert len(known) >= 2
    assert {name: families[name] for name in known} == known
    review = (tmp_path / "out/result.md").read_text()
    assert review.startswith("# Licence review")
    assert "## What a redistributor must do" in review
