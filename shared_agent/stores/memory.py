"""Shared state in one process: what tests and one-process programs need."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable

from shared_agent.stores.state import KEEP, UNKNOWN, Guess, T, Transition

_PURGE_EVERY = 4096


class MemoryState:
    """A ``StateStore`` in a dict. Atomic because an event loop runs one transition at a time.

    ``clock`` gives store time in seconds; it must not go back.
    """

    url = "memory://"

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._values: dict[str, tuple[bytes, float]] = {}
        self._writes_until_purge = _PURGE_EVERY

    async def get(self, key: str) -> bytes | None:
        return self._live(key, self._clock())

    async def update(
        self,
        key: str,
        transition: Transition[T],
        *,
        guess: Guess = UNKNOWN,
        ttl_s: float | None = None,
    ) -> T:
        now = self._clock()
        written, result = transition(self._live(key, now), now)
        if written is None:
            self._values.pop(key, None)
        elif written is not KEEP:
            self._values[key] = (written, now + ttl_s if ttl_s is not None else float("inf"))
            self._purge_sometimes(now)
        return result

    async def scan(self, prefix: str) -> AsyncIterator[tuple[str, bytes]]:
        for key in sorted(key for key in self._values if key.startswith(prefix)):
            value = self._live(key, self._clock())
            if value is not None:
                yield key, value

    async def aclose(self) -> None:
        self._values.clear()

    def _live(self, key: str, now: float) -> bytes | None:
        entry = self._values.get(key)
        return entry[0] if entry is not None and entry[1] > now else None

    def _purge_sometimes(self, now: float) -> None:
        self._writes_until_purge -= 1
        if self._writes_until_purge:
            return
        self._writes_until_purge = _PURGE_EVERY
        for key in [key for key, (_, expires_at) in self._values.items() if expires_at <= now]:
            del self._values[key]
