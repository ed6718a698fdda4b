"""Text in whatever encoding: marked, declared, UTF-8, or refused by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from shared_agent.errors import InputError
from tests.unit.inputs.conftest import Reader

Write = Callable[..., Path]
WORDS = "Les élèves français préfèrent la crème brûlée à Noël. « Où êtes-vous ? » demanda-t-il."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
async def test_a_byte_order_mark_says_how_to_read(write: Write, read: Reader, encoding: str) -> None:
    write("a.md", WORDS.encode(encoding))
    (document,), _ = await read(path="a.md")
    assert document.text == WORDS


async def test_a_declared_encoding_is_used(write: Write, read: Reader) -> None:
    write("a.txt", WORDS.encode("cp1252"))
    (document,), _ = await read(path="a.txt", encoding="cp1252")
    assert document.text == WORDS


async def test_the_declared_encoding_is_that_of_the_files_that_are_not_utf_8(write: Write, read: Reader) -> None:
    write("docs/new.txt", WORDS)
    write("docs/old.txt", WORDS.encode("cp1252"))
    documents, _ = await read(path="docs", encoding="cp1252")
    assert [document.text for document in documents] == [WORDS, WORDS]
    assert [document.meta for document in documents] == [{}, {"encoding": "cp1252"}]


async def test_a_wide_encoding_without_a_mark_is_read_when_it_is_declared(write: Write, read: Reader) -> None:
    write("docs/wide", WORDS.encode("utf-16-le"))
    assert (await read(path="docs", encoding="utf-16-le"))[0][0].text == WORDS


@pytest.mark.parametrize(
    ("declared", "said"), [(None, "not utf-8 (byte 3)"), ("cp1252", "not utf-8 (byte 3), not cp1252 (byte 3)")]
)
async def test_bytes_that_are_of_no_known_encoding_are_refused(
    write: Write, read: Reader, declared: str | None, said: str
) -> None:
    write("a.txt", b"caf\x81")
    with pytest.raises(InputError) as refused:
        await read(path="a.txt", encoding=declared)
    assert str(refused.value) == (
        f"inputs.0.encoding: a.txt is {said} (give the file's encoding (cp1252 is common), save it as UTF-8, or"
        " exclude it)"
    )


async def test_line_ends_and_white_space_are_kept(write: Write, read: Reader) -> None:
    write("a.md", "  one\r\n\r\ntwo\n")
    assert (await read(path="a.md"))[0][0].text == "  one\r\n\r\ntwo\n"
