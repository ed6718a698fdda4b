"""The fingerprint: of names and contents, and of nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from shared_agent.errors import InputError
from shared_agent.inputs import fingerprint, survey
from shared_agent.spec.job import Input

Write = Callable[..., Path]


async def test_it_changes_with_a_name_or_a_content_and_not_with_the_place(write: Write, tmp_path: Path) -> None:
    digests: dict[str, str] = {}
    for place, files in {
        "one": {"docs/a.md": "A", "docs/b.md": "B"},
        "copy": {"docs/a.md": "A", "docs/b.md": "B"},
        "changed": {"docs/a.md": "A", "docs/b.md": "B!"},
        "renamed": {"docs/a.md": "A", "docs/c.md": "B"},
        "swapped": {"docs/a.md": "B", "docs/b.md": "A"},
        "fewer": {"docs/a.md": "A"},
    }.items():
        for name, content in files.items():
            write(f"{place}/{name}", content)
        digests[place] = await fingerprint([Input(path="docs")], tmp_path / place)
    assert digests["one"] == digests["copy"]
    assert len(set(digests.values())) == 5


async def test_what_is_skipped_does_not_count(write: Write, tmp_path: Path) -> None:
    write("docs/a.md")
    before = await fingerprint([Input(path="docs")], tmp_path)
    write("docs/.DS_Store")
    write("docs/logo.png", b"\x89PNG\0")
    assert await fingerprint([Input(path="docs")], tmp_path) == before


async def test_the_fields_that_rows_are_read_by_count(write: Write, tmp_path: Path) -> None:
    write("a.csv", "text,body\nx,y\n")
    one = await fingerprint([Input(path="a.csv")], tmp_path)
    other = await fingerprint([Input(path="a.csv", text_field="body")], tmp_path)
    assert one != other


async def test_the_order_of_the_inputs_counts(tmp_path: Path) -> None:
    one, two = Input(text="a", source="x"), Input(text="b", source="y")
    assert await fingerprint([one, two], tmp_path) != await fingerprint([two, one], tmp_path)


async def test_a_bad_row_is_found_before_anything_starts(write: Write, tmp_path: Path) -> None:
    write("a.jsonl", '{"text": "a"}\n{')
    with pytest.raises(InputError, match=r"line 2 of a\.jsonl is not JSON"):
        await fingerprint([Input(path="a.jsonl")], tmp_path)


async def test_a_file_that_needs_conversion_counts_by_its_bytes(write: Write, tmp_path: Path) -> None:
    write("a.html", "<p>one</p>")
    before = await fingerprint([Input(path="a.html")], tmp_path)
    write("a.html", "<p>two</p>")
    assert await fingerprint([Input(path="a.html")], tmp_path) != before


async def test_a_survey_counts_files_bytes_and_what_is_skipped(write: Write, tmp_path: Path) -> None:
    write("docs/a.md", "12345")
    write("docs/b.pdf", b"%PDF")
    write("docs/.hidden")
    seen = await survey([Input(path="docs"), Input(text="é")], tmp_path)
    assert (seen.files, seen.bytes, seen.skipped) == (3, 11, {"hidden": 1})
