"""Objects on S3, Google Cloud Storage and Azure Blob Storage, through obstore, in sorted order.

A URI that ends in a slash is a prefix; another is an object, or a prefix where there is no such object. The listing is
held whole to be sorted (some 300 bytes an object); the objects themselves are fetched a few ahead of their use.
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from shared_agent.errors import InputError
from shared_agent.inputs.formats import ROWS, format_of, is_binary_name
from shared_agent.inputs.found import Found, OpenStore, Place, Skipped
from shared_agent.inputs.patterns import Exclusion
from shared_agent.spec.payload import preview

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ObjectStore

    from shared_agent.spec.job import Input

SCHEMES = ("s3", "gs", "az")
_AHEAD = 16
_AHEAD_BYTES = 64 << 20


def open_store(root: str) -> ObjectStore:
    """The bucket or container at ``root``, with the credentials that the environment holds."""
    from obstore.store import from_url

    return from_url(root, retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=60)})


def find_objects(given: Input, place: Place, open_store: OpenStore) -> Iterator[Found | Skipped]:
    """The objects that ``given.uri`` names.

    Raises InputError when the scheme is not one of ``SCHEMES``, the store cannot be read, nothing is there, or an object
    is too large.
    """
    uri = given.uri or ""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme not in SCHEMES or not bucket:
        remedy = "give s3://bucket/…, gs://bucket/… or az://container/…"
        raise InputError(place.field(), f"{uri!r} is not a place to read from", remedy=remedy)
    if ".." in key.split("/"):
        raise InputError(place.field(), f"{uri!r} has a part '..'", remedy="name the object or prefix itself")
    root = f"{scheme}://{bucket}"
    try:
        store = open_store(root)
        single = _head(store, key) if key and not key.endswith("/") else None
        listed = [single] if single else _listing(store, key)
    except Exception as error:  # obstore has no common base below Exception
        raise _unreadable(uri, place, error) from error
    named = single is not None
    exclusion = Exclusion(given.exclude)
    for item in listed:
        path = item["path"]
        relative = path[len(key) :].lstrip("/") if not named else ""
        shown = f"{given.source}/{relative}".rstrip("/") if given.source else f"{root}/{path}"
        reason = _reason(given, relative, exclusion)
        if reason:
            yield Skipped(shown, reason)
            continue
        if item["size"] > given.max_bytes:
            raise InputError(
                place.field(),
                f"{shown} has {item['size']:,} bytes, above max_bytes ({given.max_bytes:,})",
                remedy="raise max_bytes" if named else "raise max_bytes or exclude it",
            )
        where = (store, path, shown, place)
        yield Found(shown, item["size"], partial(_open, *where), partial(_read, *where), named)


def fetched_ahead(items: Iterator[Found | Skipped], given: Input) -> Iterator[Found | Skipped]:
    """The same items in the same order, with the bytes of the next few objects already on their way.

    A file of rows is left alone: it is read as a stream.
    """
    waiting: deque[tuple[Found | Skipped, int]] = deque()
    under_way = 0
    pool = ThreadPoolExecutor(_AHEAD, thread_name_prefix="shared-agent-fetch")
    try:
        for item in items:
            if isinstance(item, Found) and format_of(given, item.name) not in ROWS:
                waiting.append((replace(item, read=pool.submit(item.read).result), item.size))
            else:
                waiting.append((item, 0))
            under_way += waiting[-1][1]
            while len(waiting) > _AHEAD or under_way > _AHEAD_BYTES:
                ready, size = waiting.popleft()
                under_way -= size
                yield ready
        while waiting:
            yield waiting.popleft()[0]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _head(store: ObjectStore, key: str) -> ObjectMeta | None:
    import obstore

    try:
        return obstore.head(store, key)
    except FileNotFoundError:
        return None


def _listing(store: ObjectStore, prefix: str) -> list[ObjectMeta]:
    import obstore

    pages = obstore.list(store, prefix=prefix.rstrip("/") or None)
    found = [item for page in pages for item in page if item["size"] or not item["path"].endswith("/")]
    return sorted(found, key=lambda item: item["path"].split("/"))


def _reason(given: Input, relative: str, exclusion: Exclusion) -> str:
    """Why an object below a prefix is not read; ``relative`` is empty for one that was named."""
    if not relative:
        return ""
    if any(part.startswith(".") for part in relative.split("/")):
        return "hidden"
    if exclusion.covers_below(relative):
        return "excluded"
    if format_of(given, relative) is None and is_binary_name(relative):
        return "binary"
    return ""


def _open(store: ObjectStore, path: str, shown: str, place: Place) -> BinaryIO:
    import obstore

    try:
        return cast("BinaryIO", _Reader(obstore.open_reader(store, path)))
    except Exception as error:
        raise _unreadable(shown, place, error) from error


def _read(store: ObjectStore, path: str, shown: str, place: Place) -> bytes:
    import obstore

    try:
        return bytes(obstore.get(store, path).bytes())
    except Exception as error:
        raise _unreadable(shown, place, error) from error


class _Reader(io.RawIOBase):
    """obstore's reader as a file object of the standard library."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = bytes(self._reader.read(len(buffer)))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._reader.seek(offset, whence)

    def tell(self) -> int:
        return self._reader.tell()


def _unreadable(uri: str, place: Place, error: Exception) -> InputError:
    return InputError(
        place.field(),
        f"cannot read {uri}: {preview(str(error), 200)}",
        remedy="check the name, the region and the credentials",
    )
