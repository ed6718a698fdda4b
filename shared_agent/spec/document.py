"""What a job reads: documents, and the chunks that they are cut into."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec


class Document(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One input text. ``source`` is the name a reader would recognise (a relative path, a URI, ``file.jsonl#12``)."""

    source: str
    text: str
    meta: Mapping[str, Any] = {}


class Chunk(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A contiguous piece of a document: characters ``start`` to ``end`` of its text, the ``part``-th of ``parts``.

    It is what a map task gets as its input. ``meta`` is the document's.
    """

    source: str
    text: str
    part: int = 0
    parts: int = 1
    start: int = 0
    end: int = 0
    meta: Mapping[str, Any] = {}

    @property
    def label(self) -> str:
        """The source, with the part where there are several."""
        return self.source if self.parts == 1 else f"{self.source} (part {self.part + 1} of {self.parts})"
