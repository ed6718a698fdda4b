"""Text in whatever encoding: marked, declared, UTF-8, or guessed and noted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from shared_agent.errors import InputError
from tests.unit.inputs.conftest import Reader

Write = Callable[..., Path]
WORDS = "Les élèves français préfèrent la crème brûlée à Noël. « Où est l’hôtel ? » demanda-t-il."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
async def test_a_byte_order_mark_says_how_to_read(write: Write, read: Reader, encoding: str) -> None:
    write("a.md", WORDS.encode(encoding))
    (document,), _ = await read(path="a.md")
    assert document.text == WORDS


async def test_a_declared_encoding_is_used(write: Write, read: Reader) -> None:
    write("a.txt", WORDS.encode("cp1252"))
    (document,), _ = await read(path="a.txt", encoding="cp1252")
    assert document.text == WORDS


async def test_an_old_encoding_is_guessed_and_noted(write: Write, read: Reader) -> None:
    write("a.txt", (WORDS * 20).encode("cp1252"))
    (document,), _ = await read(path="a.txt")
    assert document.text == WORDS * 20
    assert document.meta["encoding"].startswith("cp125")


async def test_bytes_that_are_not_of_the_declared_encoding_are_refused(write: Write, read: Reader) -> None:
    write("a.txt", b"caf\xe9")
    with pytest.raises(InputError) as refused:
        await read(path="a.txt", encoding="utf-8")
    assert str(refused.value) == (
        "inputs.0.encoding: byte 3 of a.txt is not utf-8 (give the file's encoding (cp1252 is common), or save it as"
        " UTF-8)"
    )


async def test_line_ends_and_white_space_are_kept(write: Write, read: Reader) -> None:
    write("a.md", "  one\r\n\r\ntwo\n")
    assert (await read(path="a.md"))[0][0].text == "  one\r\n\r\ntwo\n"
