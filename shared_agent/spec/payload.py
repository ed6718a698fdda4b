"""The claim-check pattern as a type: a value travels inline while it is small, and as a reference when it is not."""

from __future__ import annotations

from typing import Any

import msgspec

INLINE_LIMIT = 4096
"""Bytes of JSON above which a value travels as an artifact."""


class Inline(msgspec.Struct, frozen=True, tag="inline"):
    """A JSON value carried in the message itself."""

    data: Any


class Ref(msgspec.Struct, frozen=True, tag="ref"):
    """A JSON value kept in the artifact store. ``size`` in bytes; ``sha256`` in hex, checked when it is read."""

    uri: str
    size: int
    sha256: str


Payload = Inline | Ref


def preview(text: str, limit: int = 500) -> str:
    """``text`` on one line of at most ``limit`` characters, for messages and reports."""
    line = " ".join(text[: limit * 2].split())
    return line if len(line) <= limit and len(text) <= limit * 2 else line[: limit - 1] + "…"
