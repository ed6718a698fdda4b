"""What a look at an input finds: files to read, and what is passed over with the reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

import msgspec

EMPTY = "empty"


class Skipped(msgspec.Struct, frozen=True):
    """Something below an input that is not read: its name, and why (``hidden``, ``binary``, ``excluded``, ``empty`` …)."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """A file or object to read. ``name`` is what its document is called, ``size`` is in bytes.

    ``named``: the user gave exactly this one, so that failing to read it is an error; one that was come upon in a folder
    is skipped with the reason. ``open`` gives a stream, ``read`` all bytes at once.
    """

    name: str
    size: int
    open: Callable[[], BinaryIO]
    read: Callable[[], bytes]
    named: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the job an input stands, for errors: ``inputs.0.path``."""

    index: int
    kind: str

    def field(self, name: str = "") -> str:
        """The dotted name of one of the input's fields; by default that of the one that names the source."""
        return f"inputs.{self.index}.{name or self.kind}"


OpenStore = Callable[[str], Any]
"""Opens the object store of ``scheme://bucket``."""
