"""Artifacts: bytes under a path below one root, on any object store.

Roots: ``file:///folder`` (or a plain path), ``memory://``, ``s3://bucket/prefix``, ``gs://bucket/prefix``,
``az://container/prefix``, through `obstore <https://developmentseed.org/obstore/>`_. An artifact's URI is its root
followed by its path, and only URIs below the root are read back: a message cannot make a worker fetch anything else.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from shared_agent.errors import InputError, StoreError, StoreUnavailable
from shared_agent.spec.payload import INLINE_LIMIT, Inline, Payload, Ref, preview

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_json = msgspec.json.Encoder(order="deterministic")


class Artifacts:
    """The artifact store of one root. Methods raise StoreError when the store fails or an artifact is not there."""

    def __init__(self, root: str, store: ObjectStore) -> None:
        self.root = root.rstrip("/")
        self._store = store

    async def put(self, path: str, data: bytes) -> str:
        """Write ``data`` under ``path`` (atomically, replacing what is there) and return its URI."""
        import obstore

        try:
            await obstore.put_async(self._store, _checked(path), data)
        except Exception as error:  # obstore has no common base below Exception
            raise StoreUnavailable(f"cannot write the artifact {self.root}/{path}: {error}") from error
        return f"{self.root}/{path}"

    async def get(self, path: str) -> bytes:
        """The bytes under ``path``."""
        data = await self.find(path)
        if data is None:
            raise StoreError(f"there is no artifact {self.root}/{path}", remedy="it was deleted, or never written")
        return data

    async def find(self, path: str) -> bytes | None:
        """The bytes under ``path``, or None."""
        import obstore

        try:
            answer = await obstore.get_async(self._store, _checked(path))
            return bytes(await answer.bytes_async())
        except FileNotFoundError:
            return None
        except Exception as error:
            raise StoreUnavailable(f"cannot read the artifact {self.root}/{path}: {error}") from error

    async def list(self, prefix: str) -> AsyncIterator[str]:
        """Paths below the folder ``prefix``, sorted."""
        import obstore

        found: list[str] = []
        try:
            async for page in obstore.list(self._store, prefix=_checked(prefix)):
                found += [item["path"] for item in page]
        except Exception as error:
            raise StoreUnavailable(f"cannot list {self.root}/{prefix}: {error}") from error
        for path in sorted(found):
            yield path

    async def pack(self, value: Any, path: str, *, limit: int = INLINE_LIMIT) -> Payload:
        """``value`` inline when its JSON has at most ``limit`` bytes, else as an artifact under ``path``."""
        data = _json.encode(value)
        if len(data) <= limit:
            return Inline(value)
        uri = await self.put(path, data)
        return Ref(uri=uri, size=len(data), sha256=hashlib.sha256(data).hexdigest())

    async def unpack(self, payload: Payload) -> Any:
        """The value of a payload. Raises StoreError when the artifact is outside the root, missing or changed."""
        if isinstance(payload, Inline):
            return payload.data
        data = await self.get(self._below_root(payload.uri))
        if hashlib.sha256(data).hexdigest() != payload.sha256:
            raise StoreError(f"the artifact {payload.uri} is not the one referred to", remedy="it was overwritten")
        return msgspec.json.decode(data)

    def _below_root(self, uri: str) -> str:
        root = self.root + "/"
        if not uri.startswith(root):
            raise StoreError(f"{uri} is not below the artifact root {self.root}", remedy="refused")
        return uri[len(root) :]


def open_artifacts(url: str) -> Artifacts:
    """Open the artifact store at ``url``; a plain path means a local folder, which is created.

    Raises InputError naming the field ``artifacts`` when the URL is not understood.
    """
    from obstore.store import LocalStore, MemoryStore, from_url

    if url.startswith("memory://"):
        return Artifacts("memory://artifacts", MemoryStore())
    local = url.removeprefix("file://") if url.startswith("file://") else url if "://" not in url else None
    try:
        if local is not None:
            folder = Path(local).resolve()
            return Artifacts(folder.as_uri(), LocalStore(folder, mkdir=True))
        return Artifacts(url, from_url(url))
    except Exception as error:
        raise InputError(
            "artifacts",
            f"cannot open {url!r}: {preview(str(error), 120)}",
            remedy="use a folder, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix",
        ) from error


def _checked(path: str) -> str:
    escapes = path.startswith("/") or ".." in path.split("/") or "\\" in path or "\0" in path
    if not path or escapes:
        raise StoreError(f"{path!r} is not a path below the artifact root", remedy="refused")
    return path
