"""The documents of a job's inputs, one after another, in the order of the inputs and sorted within each."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from shared_agent.errors import InputError
from shared_agent.inputs.background import in_background
from shared_agent.inputs.convert import ConversionError, convert
from shared_agent.inputs.decode import decode
from shared_agent.inputs.files import find_files
from shared_agent.inputs.formats import CONVERTED, ROWS, format_of, is_binary
from shared_agent.inputs.found import EMPTY, Found, OpenStore, Place, Skipped
from shared_agent.inputs.remote import fetched_ahead, find_objects, open_store
from shared_agent.inputs.rows import read_rows
from shared_agent.spec.document import Document

if TYPE_CHECKING:
    from shared_agent.spec.job import Input


async def read_documents(
    inputs: Sequence[Input],
    base: Path,
    *,
    on_skip: Callable[[Skipped], None] | None = None,
    open_store: OpenStore = open_store,
) -> AsyncIterator[Document]:
    """Every document that ``inputs`` name; paths are relative to ``base``. ``on_skip`` is told what is passed over.

    Reads as it goes: what is held is bounded by the largest file, not by the number of files. Raises InputError, naming
    the input's field and the file, line or row, when something named is not there, nothing is there to read, a file is
    larger than ``max_bytes``, or cannot be understood.
    """
    items = (
        item
        for index, given in enumerate(inputs)
        for item in _documents(given, place_of(given, index), base, open_store)
    )
    async for item in in_background(items, _weight):
        if isinstance(item, Document):
            yield item
        elif on_skip is not None:
            on_skip(item)


def place_of(given: Input, index: int) -> Place:
    """Where the ``index``-th input stands in the job."""
    kind = "path" if given.path is not None else "uri" if given.uri is not None else "text"
    return Place(index, kind)


def find(given: Input, place: Place, base: Path, open_store: OpenStore) -> Iterator[Found | Skipped]:
    """The files or objects of one input that is not a text. Raises InputError when there is none to read."""
    found = find_files(given, place, base) if given.path is not None else find_objects(given, place, open_store)
    return _not_nothing(found, given, place)


def text_document(given: Input, place: Place) -> Document:
    """The document of an input that is a text."""
    return Document(source=given.source or f"text-{place.index + 1}", text=given.text or "")


def read(found: Found, given: Input, place: Place) -> Iterator[Document | Skipped]:
    """The documents of one file: one, or one a row."""
    kind = format_of(given, found.name)
    if kind in ROWS:
        yield from read_rows(found, given, place, cast("str", kind))
        return
    data = found.read()
    if kind in CONVERTED:
        try:
            text, meta = convert(data, kind, place, given.max_bytes, given.encoding), {"format": kind}
        except ConversionError as error:
            if found.named:
                remedy = "repair it, or give its text in another format"
                raise InputError(place.field(), f"{found.name} {error}", remedy=remedy) from error
            yield Skipped(found.name, str(error))
            return
    elif is_binary(data, given.encoding):
        if found.named:
            remedy = "name a text, HTML, PDF, Office, JSONL or CSV file"
            raise InputError(place.field(), f"{found.name} is a binary file", remedy=remedy)
        yield Skipped(found.name, "binary")
        return
    else:
        text, encoding = decode(data, found.name, place, given.encoding)
        meta = {} if encoding.startswith("utf-8") else {"encoding": encoding}
    yield Document(source=found.name, text=text, meta=meta) if text.strip() else Skipped(found.name, EMPTY)


def _documents(given: Input, place: Place, base: Path, open_store: OpenStore) -> Iterator[Document | Skipped]:
    if given.text is not None:
        document = text_document(given, place)
        yield document if document.text.strip() else Skipped(document.source, EMPTY)
        return
    found = find(given, place, base, open_store)
    for item in fetched_ahead(found, given) if given.uri is not None else found:
        if isinstance(item, Found):
            yield from read(item, given, place)
        else:
            yield item


def _not_nothing(items: Iterator[Found | Skipped], given: Input, place: Place) -> Iterator[Found | Skipped]:
    any_found = False
    reasons: Counter[str] = Counter()
    for item in items:
        any_found = any_found or isinstance(item, Found)
        if isinstance(item, Skipped):
            reasons[item.reason] += 1
        yield item
    if not any_found:
        skipped = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
        raise InputError(
            place.field(),
            f"{given.path or given.uri!r} names no file to read" + (f", skipped: {skipped}" if skipped else ""),
            remedy="check the path and its spelling, or name the files one by one",
        )


def _weight(item: Document | Skipped) -> int:
    return len(item.text) if isinstance(item, Document) else 0
