"""Files, folders and globs: sorted, named as the user named them, and nothing left out without a word."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from shared_agent.errors import InputError
from tests.unit.inputs.conftest import Reader, names

Write = Callable[..., Path]


async def test_a_folder_is_read_whole_in_sorted_order(write: Write, read: Reader) -> None:
    for name in ["docs/b.md", "docs/a/z.txt", "docs/a.md", "docs/c/d/e.rst", "docs/LICENSE"]:
        write(name, name)
    documents, skipped = await read(path="./docs/")
    assert names(documents) == ["docs/LICENSE", "docs/a/z.txt", "docs/a.md", "docs/b.md", "docs/c/d/e.rst"]
    assert [document.text for document in documents] == names(documents)
    assert skipped == {}


async def test_the_folder_of_the_job_file_itself_gives_bare_names(write: Write, read: Reader) -> None:
    write("a.md")
    assert names((await read(path="."))[0]) == ["a.md"]


async def test_what_is_not_read_is_named_with_the_reason(write: Write, read: Reader) -> None:
    write("docs/a.md")
    write("docs/.git/config")
    write("docs/.env")
    write("docs/empty.txt", " \n")
    write("docs/picture.png", b"\x89PNG\r\n")
    write("docs/program", b"\x7fELF\0\0\0")
    write("docs/archive.tar.gz", b"\x1f\x8b")
    write("docs/drafts/b.md")
    write("docs/c.log")
    os.mkfifo(write("docs/d.md").with_name("pipe"))
    documents, skipped = await read(path="docs", exclude=["drafts/", "*.log"])
    assert names(documents) == ["docs/a.md", "docs/d.md"]
    assert skipped == {
        "docs/.git/": "hidden",
        "docs/.env": "hidden",
        "docs/empty.txt": "empty",
        "docs/picture.png": "binary",
        "docs/program": "binary",
        "docs/archive.tar.gz": "binary",
        "docs/drafts/": "excluded",
        "docs/c.log": "excluded",
        "docs/pipe": "not a regular file",
    }


async def test_links_that_leave_the_folder_are_not_followed(write: Write, read: Reader, tmp_path: Path) -> None:
    write("docs/a.md")
    secret = write("outside/secret.md", "secret")
    links = tmp_path / "docs"
    (links / "file.md").symlink_to(secret)
    (links / "folder").symlink_to(secret.parent)
    (links / "inside.md").symlink_to(links / "a.md")
    (links / "around").symlink_to(links)
    (links / "broken.md").symlink_to(links / "nowhere")
    (links / "loop").symlink_to(links / "loop")
    documents, skipped = await read(path="docs")
    assert names(documents) == ["docs/a.md", "docs/inside.md"]
    assert skipped == {
        "docs/file.md": "link that leaves the folder",
        "docs/folder/": "link that leaves the folder",
        "docs/around/": "link to a folder",
        "docs/broken.md": "broken link",
        "docs/loop": "broken link",
    }


async def test_a_link_that_is_named_itself_is_read(write: Write, read: Reader, tmp_path: Path) -> None:
    (tmp_path / "link.md").symlink_to(write("elsewhere/a.md", "told"))
    assert [document.text for document in (await read(path="link.md"))[0]] == ["told"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.md", ["a.md"]),
        ("docs/*.md", ["docs/b.md"]),
        ("docs/**/*.md", ["docs/b.md", "docs/x/c.md", "docs/x/y/d.md"]),
        ("**/*.md", ["a.md", "docs/b.md", "docs/x/c.md", "docs/x/y/d.md"]),
        ("docs/**", ["docs/b.md", "docs/x/c.md", "docs/x/c.txt", "docs/x/y/d.md"]),
        ("docs/?/c.*", ["docs/x/c.md", "docs/x/c.txt"]),
        ("docs/[!y]/[bc].md", ["docs/x/c.md"]),
        ("**/.h*/*", ["docs/.hidden/e.md"]),
    ],
)
async def test_a_glob_matches_as_in_a_shell(write: Write, read: Reader, pattern: str, expected: list[str]) -> None:
    for name in ["a.md", "docs/b.md", "docs/x/c.md", "docs/x/c.txt", "docs/x/y/d.md", "docs/.hidden/e.md"]:
        write(name)
    assert names((await read(path=pattern))[0]) == expected


async def test_a_file_whose_name_looks_like_a_glob_is_that_file(write: Write, read: Reader) -> None:
    write("notes[1].md")
    write("notes1.md")
    assert names((await read(path="notes[1].md"))[0]) == ["notes[1].md"]


async def test_a_source_takes_the_place_of_the_path_in_names(write: Write, read: Reader, tmp_path: Path) -> None:
    write("docs/a.md")
    assert names((await read(path=str(tmp_path / "docs"), source="manual"))[0]) == ["manual/a.md"]
    assert names((await read(path="docs/a.md", source="The manual"))[0]) == ["The manual"]
    assert names((await read(path=str(tmp_path / "docs")))[0]) == [f"{tmp_path}/docs/a.md"]


async def test_a_text_in_the_job_is_a_document(read: Reader) -> None:
    documents, _ = await read(text="Hello.")
    assert [(document.source, document.text) for document in documents] == [("text-1", "Hello.")]
    assert names((await read(text="Hello.", source="greeting"))[0]) == ["greeting"]


async def test_a_file_name_that_is_not_text_still_fits_in_a_message(read: Reader, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    with open(os.fsencode(tmp_path) + b"/docs/caf\xe9.md", "w") as file:  # noqa: ASYNC230, PTH123
        file.write("text")
    documents, _ = await read(path="docs")
    assert names(documents)[0].encode() == "docs/caf\N{REPLACEMENT CHARACTER}.md".encode()


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        (
            {"path": "nowhere.md"},
            "inputs.0.path: there is no file or folder 'nowhere.md' (paths are relative to {base})",
        ),
        (
            {"path": "docs/*.pdf"},
            "inputs.0.path: 'docs/*.pdf' names no file to read (check the path and its spelling, or name the files one"
            " by one)",
        ),
        (
            {"path": "nowhere/**/*.md"},
            "inputs.0.path: 'nowhere/**/*.md' names no file to read (check the path and its spelling, or name the files"
            " one by one)",
        ),
        (
            {"path": "bare"},
            "inputs.0.path: 'bare' names no file to read, skipped: 1 binary, 2 hidden (check the path and its spelling,"
            " or name the files one by one)",
        ),
        (
            {"path": "docs/a.md", "max_bytes": 3},
            "inputs.0.path: docs/a.md has 4 bytes, above max_bytes (3) (raise max_bytes)",
        ),
        (
            {"path": "docs", "max_bytes": 3},
            "inputs.0.path: docs/a.md has 4 bytes, above max_bytes (3) (raise max_bytes or exclude it)",
        ),
        (
            {"path": "bare/photo.jpg"},
            "inputs.0.path: bare/photo.jpg is a binary file (name a text, HTML, PDF, Office, JSONL or CSV file)",
        ),
        ({"path": "pipe"}, "inputs.0.path: 'pipe' is not a file or a folder (name a file, a folder or a glob)"),
    ],
)
async def test_a_wrong_path_is_one_line_with_the_field_and_the_remedy(
    write: Write, read: Reader, tmp_path: Path, fields: dict[str, object], line: str
) -> None:
    write("docs/a.md")
    write("bare/photo.jpg", b"\xff\xd8\0\0")
    write("bare/.hidden")
    write("bare/.other/a.md")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError) as refused:
        await read(**fields)
    assert str(refused.value) == line.format(base=tmp_path)
