"""What a job's inputs amount to, in one digest: the same names and contents always give the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shared_agent.inputs.background import in_background
from shared_agent.inputs.convert import check_installed
from shared_agent.inputs.formats import CONVERTED, format_of
from shared_agent.inputs.found import Found, OpenStore, Place, Skipped
from shared_agent.inputs.reading import find, place_of, read, text_document
from shared_agent.inputs.remote import open_store
from shared_agent.spec import ids

if TYPE_CHECKING:
    from shared_agent.spec.job import Input

_BLOCK = 1 << 20


async def fingerprint(inputs: Sequence[Input], base: Path, *, open_store: OpenStore = open_store) -> str:
    """SHA-256 in hex over the documents' names and contents, read as a stream.

    Texts and rows are read as they will be for the job, so that a bad file is found before anything starts. A file that
    needs conversion counts by its bytes, an object in a cloud store by the entity tag that the store gives it (which
    changes with every write), so that neither is read twice. Raises InputError as ``read_documents`` does.
    """
    marks = (
        mark for index, given in enumerate(inputs) for mark in _marks(given, place_of(given, index), base, open_store)
    )
    whole = hashlib.sha256()
    async for mark in in_background(marks, len):
        whole.update(mark.encode())
    return whole.hexdigest()


def _marks(given: Input, place: Place, base: Path, open_store: OpenStore) -> Iterator[str]:
    """One digest a document, or a file where that is enough."""
    if given.text is not None:
        document = text_document(given, place)
        yield ids.digest(document.source, document.text)
        return
    how = (given.format, given.text_field, given.id_field, given.encoding)
    for found in find(given, place, base, open_store):
        if isinstance(found, Skipped):
            continue
        kind = format_of(given, found.name)
        if kind in CONVERTED:
            check_installed(kind, place)
        if found.version:
            yield ids.digest(found.name, how, found.size, found.version)
        elif kind in CONVERTED:
            yield ids.digest(found.name, how, _content(found))
        else:
            for item in read(found, given, place):
                yield ids.digest(item)


def _content(found: Found) -> str:
    sha = hashlib.sha256()
    with found.open() as file:
        while block := file.read(_BLOCK):
            sha.update(block)
    return sha.hexdigest()
