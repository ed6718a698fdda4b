"""Artifacts: what is put is what is got, and nothing outside the root is ever read."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared_agent.errors import InputError, StoreError
from shared_agent.spec.payload import Inline, Ref
from shared_agent.stores import Artifacts, open_artifacts


@pytest.fixture(params=["file", "memory"])
def artifacts(request: pytest.FixtureRequest, tmp_path: Path) -> Artifacts:
    return open_artifacts("memory://" if request.param == "memory" else str(tmp_path / "store"))


async def test_a_small_value_travels_inline_and_a_large_one_by_reference(artifacts: Artifacts) -> None:
    small, large = {"n": 1}, {"text": "é" * 5000}
    packed_small = await artifacts.pack(small, "a/small.json")
    packed_large = await artifacts.pack(large, "a/large.json")
    assert isinstance(packed_small, Inline)
    assert isinstance(packed_large, Ref)
    assert packed_large.size > 10_000
    assert await artifacts.unpack(packed_small) == small
    assert await artifacts.unpack(packed_large) == large


async def test_artifacts_are_listed_by_folder_in_order(artifacts: Artifacts) -> None:
    for path in ["j/2", "j/1", "k/1"]:
        await artifacts.put(path, b"x")
    assert [path async for path in artifacts.list("j")] == ["j/1", "j/2"]


async def test_a_changed_artifact_is_refused(artifacts: Artifacts) -> None:
    ref = await artifacts.pack("x" * 9000, "a")
    await artifacts.put("a", b'"another"')
    with pytest.raises(StoreError, match="not the one referred to"):
        await artifacts.unpack(ref)


@pytest.mark.parametrize("uri", ["file:///etc/passwd", "memory:/etc", "http://127.0.0.1/x", ""])
async def test_a_uri_outside_the_root_is_refused(artifacts: Artifacts, uri: str) -> None:
    with pytest.raises(StoreError, match="refused"):
        await artifacts.unpack(Ref(uri=uri, size=1, sha256=""))


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd", "a\\b", ""])
async def test_a_path_cannot_escape_the_root(artifacts: Artifacts, path: str) -> None:
    with pytest.raises(StoreError, match="refused"):
        await artifacts.put(path, b"x")
    with pytest.raises(StoreError, match="refused"):
        await artifacts.unpack(Ref(uri=f"{artifacts.root}/{path}", size=1, sha256=""))


async def test_a_missing_artifact_says_so(artifacts: Artifacts) -> None:
    assert await artifacts.find("nowhere") is None
    with pytest.raises(StoreError, match="no artifact"):
        await artifacts.get("nowhere")


def test_an_unknown_scheme_names_the_field_and_the_remedy() -> None:
    with pytest.raises(InputError, match=r"^artifacts: .*s3://bucket"):
        open_artifacts("gopher://x/y")
