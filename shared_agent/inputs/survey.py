"""How much a job has to read, from the listing alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from shared_agent.inputs.background import in_background
from shared_agent.inputs.found import Found, OpenStore, Skipped
from shared_agent.inputs.reading import find, place_of
from shared_agent.inputs.remote import open_store

if TYPE_CHECKING:
    from shared_agent.spec.job import Input


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """Files to read and their bytes, and how many are passed over for each reason. A text in the job is a file."""

    files: int = 0
    bytes: int = 0
    skipped: dict[str, int] = {}


async def survey(inputs: Sequence[Input], base: Path, *, open_store: OpenStore = open_store) -> Survey:
    """Count what ``inputs`` name without reading it; rows of a file and what is in it are not known yet.

    Raises InputError when something named is not there, nothing is there to read, or a file is too large.
    """
    files = size = 0
    skipped: dict[str, int] = {}
    async for item in in_background(_items(inputs, base, open_store), lambda _: 0):
        if isinstance(item, Skipped):
            skipped[item.reason] = skipped.get(item.reason, 0) + 1
        else:
            files += 1
            size += item if isinstance(item, int) else item.size
    return Survey(files=files, bytes=size, skipped=skipped)


def _items(inputs: Sequence[Input], base: Path, open_store: OpenStore) -> Iterator[Found | Skipped | int]:
    for index, given in enumerate(inputs):
        if given.text is not None:
            yield len(given.text.encode())
        else:
            yield from find(given, place_of(given, index), base, open_store)
