"""Small shared state: one atomic operation, on which claims, budgets, breakers and admission stand.

A store keeps small byte values under string keys and offers *update*: read the value, let a pure function decide,
write what it decided, as one atomic step. A back end with transactions runs the function inside one (memory, SQLite);
a back end with conditional writes repeats read → decide → write-if-unchanged until nobody came between (Valkey/Redis,
DynamoDB, Azure Tables, Firestore). The function may therefore run more than once and must be pure.

    update(key, transition)      caller A: read v1 ── decide ── write if still v1 ✓
                                 caller B: read v1 ── decide ── write if still v1 ✗ ── read v2 ── decide ── write ✓

``guess`` saves the read: the function first runs on what the caller believes is there (by default: nothing), and the
write carries that belief as its condition. Where the belief holds, an update costs one round trip.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from enum import Enum
from typing import Final, Protocol, TypeVar

T = TypeVar("T")


class _Keep(Enum):
    KEEP = "keep"


class _Unknown(Enum):
    UNKNOWN = "unknown"


KEEP: Final = _Keep.KEEP
"""Returned by a transition that changes nothing."""

UNKNOWN: Final = _Unknown.UNKNOWN
"""Passed as ``guess`` by a caller who has no belief about the current value."""

Guess = bytes | None | _Unknown
"""What a caller believes is stored: a value, nothing (``None``), or ``UNKNOWN``."""

Written = bytes | None | _Keep
"""What a transition writes: a value, ``None`` to delete, or ``KEEP``."""

Transition = Callable[[bytes | None, float], tuple[Written, T]]
"""``(current value, store time in seconds since the epoch) -> (what to write, result)``. Pure; may run repeatedly."""


class StateStore(Protocol):
    """Small atomic shared state. Opened by :func:`shared_agent.stores.open_state` from a URL.

    Raises :class:`~shared_agent.errors.StoreError` when the back end cannot be reached or answers wrongly.
    """

    url: str

    async def get(self, key: str) -> bytes | None:
        """The value under ``key``, or None."""
        ...

    async def update(
        self, key: str, transition: Transition[T], *, guess: Guess = UNKNOWN, ttl_s: float | None = None
    ) -> T:
        """Apply ``transition`` to the value under ``key`` atomically and return its result.

        ``ttl_s``: seconds after which the value may be dropped, counted from this write; None keeps it.
        """
        ...

    def scan(self, prefix: str) -> AsyncIterator[tuple[str, bytes]]:
        """Every (key, value) whose key starts with ``prefix``, in key order. Not a snapshot."""
        ...

    async def aclose(self) -> None:
        """Release connections and files."""
        ...
