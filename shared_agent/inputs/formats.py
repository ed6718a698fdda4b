"""What a file is, by the ending of its name."""

from __future__ import annotations

from mimetypes import MimeTypes
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from shared_agent.inputs.decode import is_wide, marked_encoding

if TYPE_CHECKING:
    from shared_agent.spec.job import Format, Input

CONVERTED: frozenset[Format] = frozenset(("html", "pdf", "docx", "pptx", "xlsx"))
"""Formats that need the extra ``documents``."""

ROWS: frozenset[Format] = frozenset(("jsonl", "csv"))
"""Formats with a document a row."""

_BY_ENDING: dict[str, Format] = {
    ".txt": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".pdf": "pdf",
    ".docx": "docx",
    ".pptx": "pptx",
    ".xlsx": "xlsx",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
}
# Python's own table: the machine's would make the choice of files differ from one machine to the next.
_types = MimeTypes(filenames=())
_NOT_TEXT = ("image/", "audio/", "video/", "font/")


def format_of(given: Input, name: str) -> Format | None:
    """The format the input states, else that of the ending, else None (text, if it turns out to be)."""
    return given.format or _BY_ENDING.get(PurePosixPath(name.lower()).suffix)


def is_binary_name(name: str) -> bool:
    """Whether the ending alone says that there is no text to read (pictures, sound, film, archives)."""
    kind, compression = _types.guess_type(name)
    return compression is not None or (kind or "").startswith(_NOT_TEXT)


def is_binary(head: bytes, declared: str | None) -> bool:
    """Whether the first bytes are not those of a text: a zero byte, in no encoding that has them."""
    return b"\0" in head and marked_encoding(head) is None and not (declared and is_wide(declared))
