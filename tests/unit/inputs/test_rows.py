"""JSONL and CSV: a document a row, and an error that says which row."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared_agent.errors import InputError
from shared_agent.inputs import read_documents
from shared_agent.spec.job import Input
from tests.unit.inputs.conftest import Reader, names

Write = Callable[..., Path]


async def test_each_line_of_a_jsonl_file_is_a_document(write: Write, read: Reader) -> None:
    write(
        "a.jsonl",
        '{"text": "one", "id": "x", "n": 1}\n\n{"text": "zwei\u2028\\r", "id": "y"}\r\n{"text": " ", "id": 3}',
    )
    documents, skipped = await read(path="a.jsonl")
    assert [(document.source, document.text) for document in documents] == [
        ("a.jsonl#1", "one"),
        ("a.jsonl#3", "zwei\u2028\r"),
    ]
    assert documents[0].meta == {"id": "x", "n": 1}
    assert skipped == {"a.jsonl#4": "empty"}
    assert names((await read(path="a.jsonl", id_field="id"))[0]) == ["a.jsonl#x", "a.jsonl#y"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
async def test_each_row_of_a_csv_file_is_a_document(write: Write, read: Reader, delimiter: str) -> None:
    rows = ["id,body", 'a,"one, and\nmore"', "", 'b,"said ""two"""']
    write("a.csv", "\r\n".join(row.replace(",", delimiter, 1) for row in rows).encode("utf-8-sig"))
    documents, _ = await read(path="a.csv", text_field="body", id_field="id")
    assert [(document.source, document.text) for document in documents] == [
        ("a.csv#a", "one, and\nmore"),
        ("a.csv#b", 'said "two"'),
    ]
    assert documents[0].meta == {"id": "a"}


async def test_a_csv_file_of_a_spreadsheet_in_an_old_encoding_is_read_when_it_is_declared(
    write: Write, read: Reader
) -> None:
    write("a.csv", "text\ncafé\n".encode("cp1252"))
    assert (await read(path="a.csv", encoding="cp1252"))[0][0].text == "café"


async def test_a_very_long_field_is_read(write: Write, read: Reader) -> None:
    write("a.csv", "text\n" + "word " * 100_000)
    assert len((await read(path="a.csv"))[0][0].text) == 500_000


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(st.lists(st.text(min_size=1).filter(str.strip), min_size=1, max_size=20))
async def test_any_text_survives_a_row(tmp_path: Path, texts: list[str]) -> None:
    (tmp_path / "a.jsonl").write_text(
        "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts), encoding="utf-8", newline=""
    )
    stream = read_documents([Input(path="a.jsonl")], tmp_path)
    assert [document.text async for document in stream] == texts


BAD: list[tuple[str, str | bytes, dict[str, Any], str]] = [
    (
        "a.jsonl",
        '{"text": "a"}\n\n{"text": \n',
        {},
        "inputs.0.path: line 3 of a.jsonl is not JSON: ",
    ),
    ("a.jsonl", "[1]", {}, "inputs.0.path: line 1 of a.jsonl is not an object: [1] (write each row as"),
    (
        "a.jsonl",
        '{"body": "a", "id": 1}',
        {},
        "inputs.0.text_field: line 1 of a.jsonl has no field 'text' (set text_field to one of: body, id)",
    ),
    (
        "a.jsonl",
        '{"text": "a"}',
        {"id_field": "key"},
        "inputs.0.id_field: line 1 of a.jsonl has no field 'key' (set id_field to one of: text)",
    ),
    (
        "a.jsonl",
        '{"text": {"a": 1}}',
        {},
        "inputs.0.text_field: 'text' is not a text in line 1 of a.jsonl: {'a': 1} (name a field that holds text)",
    ),
    ("a.jsonl", b'{"text": "caf\xe9"}', {}, "inputs.0.encoding: a.jsonl is not utf-8 somewhere after row 0 (give"),
    (
        "a.csv",
        "id,body\n1,a\n",
        {},
        "inputs.0.text_field: row 1 of a.csv has no field 'text' (set text_field to one of: id, body)",
    ),
    (
        "a.csv",
        "id,text\n1,a\n2,b,c\n",
        {},
        "inputs.0.path: row 2 of a.csv has 3 fields, the header has 2 (quote fields that contain the delimiter)",
    ),
    ("a.csv", 'id,text\n1,a\n2,"b', {}, "inputs.0.path: row 2 of a.csv is not CSV: unexpected end of data"),
]


@pytest.mark.parametrize(("name", "content", "fields", "line"), BAD, ids=[f"{bad[0]} {bad[3][10:50]}" for bad in BAD])
async def test_a_bad_row_is_named_by_its_number(
    write: Write, read: Reader, name: str, content: str | bytes, fields: dict[str, Any], line: str
) -> None:
    write(name, content)
    with pytest.raises(InputError) as refused:
        await read(path=name, **fields)
    assert str(refused.value).startswith(line)


async def test_the_rows_before_a_bad_one_are_read_first(write: Write, tmp_path: Path) -> None:
    write("a.jsonl", '{"text": "a"}\n{"text": "b"}\n{')
    came: list[str] = []
    with pytest.raises(InputError, match="line 3"):
        async for document in read_documents([Input(path="a.jsonl")], tmp_path):
            came.append(document.text)  # noqa: PERF401 - what came before the error counts
    assert came == ["a", "b"]
