"""JSONL and CSV: a document a row, read as a stream, so that a file of any length takes little memory."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from shared_agent.errors import InputError
from shared_agent.inputs.decode import marked_encoding
from shared_agent.inputs.found import EMPTY, Found, Place, Skipped
from shared_agent.spec.document import Document
from shared_agent.spec.payload import preview

if TYPE_CHECKING:
    from shared_agent.spec.job import Input

_DELIMITERS = ",;\t|"


def read_rows(found: Found, given: Input, place: Place, kind: str) -> Iterator[Document | Skipped]:
    """The rows of a file: text from ``text_field``, name from ``id_field``, the other fields as ``meta``.

    Raises InputError naming the line (JSONL) or row (CSV, counted from the first below the header) that is wrong.
    """
    # Only a line feed ends a line of JSONL; CSV wants its line ends as they are.
    with _text(found, given, newline="\n" if kind == "jsonl" else "") as lines:
        rows = _jsonl(lines, found, place) if kind == "jsonl" else _csv(lines, found, place, given.max_bytes)
        unit = "line" if kind == "jsonl" else "row"
        for number, row in _decoded(rows, found, place):
            where = f"{unit} {number} of {found.name}"
            text = _value(row, "text_field", given.text_field, where, place)
            if not isinstance(text, str):
                raise InputError(
                    place.field("text_field"),
                    f"{given.text_field!r} is not a text in {where}: {preview(repr(text), 60)}",
                    remedy="name a field that holds text",
                )
            row_id = number if given.id_field is None else _value(row, "id_field", given.id_field, where, place)
            name = f"{found.name}#{row_id}"
            if text.strip():
                yield Document(source=name, text=text, meta={k: v for k, v in row.items() if k != given.text_field})
            else:
                yield Skipped(name, EMPTY)


def _text(found: Found, given: Input, newline: str) -> io.TextIOWrapper:
    file: BinaryIO = found.open()
    buffered = io.BufferedReader(file) if isinstance(file, io.RawIOBase) else file
    head = buffered.read(4)
    buffered.seek(0)
    return io.TextIOWrapper(buffered, marked_encoding(head) or given.encoding or "utf-8", newline=newline)


def _decoded(
    rows: Iterator[tuple[int, Mapping[str, Any]]], found: Found, place: Place
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    last = 0
    try:
        for number, row in rows:
            last = number
            yield number, row
    except UnicodeDecodeError as error:
        raise InputError(
            place.field("encoding"),
            f"{found.name} is not {error.encoding} somewhere after row {last}",
            remedy="give the file's encoding (cp1252 is common), or save it as UTF-8",
        ) from error


def _jsonl(lines: io.TextIOWrapper, found: Found, place: Place) -> Iterator[tuple[int, Mapping[str, Any]]]:
    decode = msgspec.json.Decoder().decode
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = decode(line)
        except msgspec.DecodeError as error:
            raise InputError(
                place.field(),
                f"line {number} of {found.name} is not JSON: {error}",
                remedy="correct or remove the line",
            ) from error
        if not isinstance(row, dict):
            raise InputError(
                place.field(),
                f"line {number} of {found.name} is not an object: {preview(line, 60)}",
                remedy='write each row as {"text": …}',
            )
        yield number, row


def _csv(
    lines: io.TextIOWrapper, found: Found, place: Place, max_bytes: int
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    # The limit is the module's own and 128 KiB at first; a document may be longer.
    csv.field_size_limit(max(csv.field_size_limit(), max_bytes))
    header_line = lines.readline()
    lines.seek(0)
    delimiter = max(_DELIMITERS, key=header_line.count)
    number = 0
    try:
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        header = next(reader, [])
        for values in reader:
            if not values:
                continue
            number += 1
            if len(values) != len(header):
                raise InputError(
                    place.field(),
                    f"row {number} of {found.name} has {len(values)} fields, the header has {len(header)}",
                    remedy="quote fields that contain the delimiter",
                )
            yield number, dict(zip(header, values, strict=True))
    except csv.Error as error:
        raise InputError(
            place.field(), f"row {number + 1} of {found.name} is not CSV: {error}", remedy="correct or remove the row"
        ) from error


def _value(row: Mapping[str, Any], setting: str, name: str, where: str, place: Place) -> Any:
    if name not in row:
        fields = preview(", ".join(row) or "none", 120)
        raise InputError(
            place.field(setting), f"{where} has no field {name!r}", remedy=f"set {setting} to one of: {fields}"
        )
    return row[name]
