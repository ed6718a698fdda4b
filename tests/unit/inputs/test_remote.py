"""Objects in a bucket: here a store in memory in the place of the cloud's, with the same calls."""

from __future__ import annotations

from pathlib import Path

import obstore
import pytest
from obstore.store import MemoryStore

from shared_agent.errors import InputError
from shared_agent.inputs import read_documents
from shared_agent.spec.job import Input
from tests.unit.inputs.conftest import Reader, names


@pytest.fixture
def bucket() -> MemoryStore:
    store = MemoryStore()
    for path, content in {
        "docs/b.md": b"B",
        "docs/a/z.txt": b"Z",
        "docs/a.md": b"A",
        "docs/.hidden.md": b"H",
        "docs/photo.jpg": b"\xff\xd8\0",
        "docs/program": b"\x7fELF\0",
        "docs/drafts/d.md": b"D",
        "docs/rows.jsonl": b'{"text": "one"}\n{"text": "two"}\n',
        "docsother/c.md": b"C",
    }.items():
        obstore.put(store, path, content)
    return store


@pytest.mark.parametrize("uri", ["s3://bucket/docs/", "s3://bucket/docs"])
async def test_a_prefix_is_read_in_sorted_order_with_what_is_skipped(read: Reader, uri: str) -> None:
    documents, skipped = await read(uri=uri, exclude=["drafts"])
    root = "s3://bucket/docs"
    assert [(document.source, document.text) for document in documents] == [
        (f"{root}/a/z.txt", "Z"),
        (f"{root}/a.md", "A"),
        (f"{root}/b.md", "B"),
        (f"{root}/rows.jsonl#1", "one"),
        (f"{root}/rows.jsonl#2", "two"),
    ]
    assert skipped == {
        f"{root}/.hidden.md": "hidden",
        f"{root}/photo.jpg": "binary",
        f"{root}/program": "binary",
        f"{root}/drafts/d.md": "excluded",
    }


@pytest.mark.parametrize("scheme", ["s3", "gs", "az"])
async def test_one_object_is_read_by_its_name(read: Reader, scheme: str) -> None:
    documents, _ = await read(uri=f"{scheme}://bucket/docs/a.md")
    assert [(document.source, document.text) for document in documents] == [(f"{scheme}://bucket/docs/a.md", "A")]
    assert names((await read(uri="s3://bucket/docs/a.md", source="manual"))[0]) == ["manual"]


async def test_many_objects_keep_their_order_while_they_are_fetched_ahead(read: Reader, bucket: MemoryStore) -> None:
    for number in range(100):
        obstore.put(bucket, f"many/{number:03}.md", str(number).encode())
    documents, _ = await read(uri="gs://bucket/many/", source="many")
    assert [document.text for document in documents] == [str(number) for number in range(100)]
    assert documents[7].source == "many/007.md"


async def test_long_rows_in_a_bucket_are_read_as_a_stream(read: Reader, bucket: MemoryStore) -> None:
    obstore.put(bucket, "long.csv", b"text\n" + b"".join(b"%d %s\n" % (n, b"x" * 1000) for n in range(5000)))
    documents, _ = await read(uri="s3://bucket/long.csv")
    assert [int(document.text.split()[0]) for document in documents] == list(range(5000))


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        (
            {"uri": "http://bucket/a.md"},
            "inputs.0.uri: 'http://bucket/a.md' is not a place to read from (give s3://bucket/…, gs://bucket/… or"
            " az://container/…)",
        ),
        ({"uri": "file:///etc/passwd"}, "inputs.0.uri: 'file:///etc/passwd' is not a place to read from"),
        ({"uri": "s3://"}, "inputs.0.uri: 's3://' is not a place to read from"),
        ({"uri": "s3://bucket/a/../b"}, "inputs.0.uri: 's3://bucket/a/../b' has a part '..'"),
        ({"uri": "s3://bucket/nowhere"}, "inputs.0.uri: 's3://bucket/nowhere' names no file to read (check"),
        (
            {"uri": "s3://bucket/docs/rows.jsonl", "max_bytes": 9},
            "inputs.0.uri: s3://bucket/docs/rows.jsonl has 32 bytes, above max_bytes (9) (raise max_bytes)",
        ),
    ],
)
async def test_a_wrong_uri_is_one_line_with_the_field_and_the_remedy(
    read: Reader, fields: dict[str, object], line: str
) -> None:
    with pytest.raises(InputError) as refused:
        await read(**fields)
    assert str(refused.value).startswith(line)


async def test_a_store_that_cannot_be_opened_is_the_users_error(tmp_path: Path) -> None:
    def closed(root: str) -> MemoryStore:
        raise ValueError(f"no credentials for {root}")

    with pytest.raises(InputError) as refused:
        async for _ in read_documents([Input(uri="s3://bucket/a")], tmp_path, open_store=closed):
            pass
    assert str(refused.value) == (
        "inputs.0.uri: cannot read s3://bucket/a: no credentials for s3://bucket (check the name, the region and the"
        " credentials)"
    )
