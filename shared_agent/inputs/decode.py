"""Bytes to text: a byte-order mark, the declared encoding, UTF-8, and for old files a guess that is written down."""

from __future__ import annotations

import codecs

from shared_agent.errors import InputError
from shared_agent.inputs.found import Place

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE = 262_144


def marked_encoding(head: bytes) -> str | None:
    """The encoding that a byte-order mark at the start of ``head`` states."""
    return next((encoding for mark, encoding in _MARKS if head.startswith(mark)), None)


def decode(data: bytes, name: str, place: Place, declared: str | None) -> tuple[str, str]:
    """The text of a file and the encoding it was read in.

    Raises InputError when the bytes are not of the declared encoding, or of none that can be told.
    """
    encoding = marked_encoding(data) or declared or "utf-8"
    try:
        return data.decode(encoding), encoding
    except UnicodeDecodeError as error:
        guess = None if declared else _guess(data)
        if guess is not None:
            return guess
        raise InputError(
            place.field("encoding"),
            f"byte {error.start:,} of {name} is not {encoding}",
            remedy="give the file's encoding (cp1252 is common), or save it as UTF-8",
        ) from error


def _guess(data: bytes) -> tuple[str, str] | None:
    try:
        from charset_normalizer import from_bytes
    except ImportError:  # comes with the extra `documents`
        return None
    best = from_bytes(data[:_SAMPLE]).best()
    if best is None:
        return None
    try:
        return data.decode(best.encoding), best.encoding
    except UnicodeDecodeError:
        return None
