"""Bytes to text: by the byte-order mark, as UTF-8, or in the encoding that the input states. Nothing is guessed.

A guess among one-byte encodings is wrong too often to go unseen (French in cp1252 is taken for cp1250, and è becomes č):
a file that is not UTF-8 is refused by name, and one word in the job says what it is.
"""

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


def marked_encoding(head: bytes) -> str | None:
    """The encoding that a byte-order mark at the start of ``head`` states."""
    return next((encoding for mark, encoding in _MARKS if head.startswith(mark)), None)


def decode(data: bytes, name: str, place: Place, declared: str | None) -> tuple[str, str]:
    """The text of a file and the encoding it was read in.

    UTF-8 comes before the ``declared`` encoding, so that one statement serves a folder in which most files are UTF-8:
    text in an older encoding is not valid UTF-8. Raises InputError when the bytes are of neither.
    """
    marked = marked_encoding(data)
    wide = declared is not None and is_wide(declared)
    tries = [marked] if marked else [declared] if wide else ["utf-8", *([declared] if declared else [])]
    failed: list[str] = []
    for encoding in tries:
        try:
            return data.decode(encoding or "utf-8"), encoding or "utf-8"
        except UnicodeDecodeError as error:
            failed.append(f"not {encoding} (byte {error.start:,})")
    raise InputError(
        place.field("encoding"),
        f"{name} is {', '.join(failed)}",
        remedy="give the file's encoding (cp1252 is common), save it as UTF-8, or exclude it",
    )


def is_wide(encoding: str) -> bool:
    """Whether an encoding of English text has zero bytes, as a binary file has."""
    return b"\0" in "a".encode(encoding)
