"""The survey of a job's inputs: its digest is of names and texts, and of nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared_agent.errors import InputError
from shared_agent.runtimes.submission import prepare, take_survey
from shared_agent.spec.job import Job


def job(*inputs: object, **fields: object) -> Job:
    return Job.parse({"kind": "summarise", "inputs": list(inputs), **fields})


def write(folder: Path, **files: str) -> Path:
    (folder / "docs").mkdir(parents=True)
    for name, content in files.items():
        (folder / "docs" / f"{name}.md").write_text(content)
    return folder


async def test_the_digest_changes_with_a_name_or_a_content_and_not_with_the_place(tmp_path: Path) -> None:
    folders = {
        "one": {"a": "A", "b": "B"},
        "copy": {"a": "A", "b": "B"},
        "changed": {"a": "A", "b": "B!"},
        "renamed": {"a": "A", "c": "B"},
        "swapped": {"a": "B", "b": "A"},
        "fewer": {"a": "A"},
    }
    digests = {
        name: (await take_survey(job("docs"), write(tmp_path / name, **files))).digest
        for name, files in folders.items()
    }
    assert digests["one"] == digests["copy"]
    assert len(set(digests.values())) == 5


async def test_what_is_passed_over_is_counted_and_changes_nothing(tmp_path: Path) -> None:
    folder = write(tmp_path, a="A")
    before = await take_survey(job("docs"), folder)
    (folder / "docs" / ".hidden").write_text("x")
    (folder / "docs" / "logo.png").write_bytes(b"\x89PNG\0")
    after = await take_survey(job("docs"), folder)
    assert after.digest == before.digest
    assert after.skipped == {"hidden": 1, "binary": 1}
    assert (after.documents, after.chunks, after.characters) == (1, 1, 1)


async def test_the_order_of_the_inputs_counts(tmp_path: Path) -> None:
    one, two = {"text": "a", "source": "x"}, {"text": "b", "source": "y"}
    assert (await take_survey(job(one, two), tmp_path)).digest != (await take_survey(job(two, one), tmp_path)).digest


async def test_a_bad_row_is_found_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n{')
    with pytest.raises(InputError, match=r"line 2 of a\.jsonl is not JSON"):
        await take_survey(job("a.jsonl"), tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"budget": {"usd": 5}},
        {"concurrency": 3},
        {"limits": [{"name": "a", "requests_per_minute": 5}]},
        {"completion": {"min_coverage": 0.9}},
        {"retry": {"attempts": 2}},
        {"timeouts": {"call_s": 5}},
        {"output": {"dir": "elsewhere"}},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_how_a_job_runs_does_not_change_its_id(tmp_path: Path, change: dict[str, object]) -> None:
    text = {"text": "a"}
    assert (await prepare(job(text), tmp_path)).job_id == (await prepare(job(text, **change), tmp_path)).job_id


@pytest.mark.parametrize(
    "change",
    [
        {"instructions": "briefly"},
        {"options": {"max_words": 5}},
        {"models": {"map": "embedded", "final": "openai:gpt-5-mini"}},
        {"chunking": {"max_tokens": 50}},
        {"reduce": {"group_size": 3}},
        {"max_output_tokens": 5},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_what_a_job_does_is_part_of_its_id(tmp_path: Path, change: dict[str, object]) -> None:
    text = {"text": "a"}
    assert (await prepare(job(text), tmp_path)).job_id != (await prepare(job(text, **change), tmp_path)).job_id


async def test_a_changed_agent_is_another_job(tmp_path: Path) -> None:
    agent = tmp_path / "agent.py"
    mine = Job.parse({"kind": "agent.py:mine", "inputs": [{"text": "a"}]})
    agent.write_text("VERSION = 1")
    before = (await prepare(mine, tmp_path)).job_id
    agent.write_text("VERSION = 2")
    assert (await prepare(mine, tmp_path)).job_id != before
