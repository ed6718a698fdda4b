"""Steps of a task that are done once: what a handler has already paid for is not paid again when the task is run again.

A handler that makes several calls may die between two of them. Each finished step is stored under the task's key before the
handler goes on, so the next worker to claim the task reads it back and only repeats the step that was under way. A step is
known by what it was asked and by how often the same was asked before, not by its position: concurrent steps may finish in
any order.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from shared_agent.spec.payload import Payload
from shared_agent.stores.artifacts import Artifacts
from shared_agent.stores.state import StateStore, Written

_RETENTION_S = 7 * 86_400.0
_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Payload] = msgspec.json.Decoder(Payload)


class Journal:
    """The finished steps of one task, for the holder of its claim; under the first ``token`` there is nothing to read."""

    def __init__(self, state: StateStore, artifacts: Artifacts, key: str, *, token: int) -> None:
        self._state = state
        self._artifacts = artifacts
        self._key = key
        self._token = token
        self._asked: Counter[str] = Counter()

    def name(self, asked: str) -> str:
        """The name of the next step that asks ``asked`` (a digest)."""
        self._asked[asked] += 1
        return f"{asked[:24]}-{self._asked[asked]}"

    async def find(self, name: str) -> tuple[bool, Any]:
        """``(True, value)`` when the step is done, else ``(False, None)``."""
        data = None if self._token == 1 else await self._state.get(self._state_key(name))
        if data is None:
            return False, None
        return True, await self._artifacts.unpack(_decoder.decode(data))

    async def store(self, name: str, value: Any) -> Any:
        """Keep what a step returned (a JSON value), and return it as a later run will find it: a tuple is a list then."""
        # The token keeps a worker that has lost the claim from overwriting what another one's step refers to.
        payload = await self._artifacts.pack(value, f"steps/{self._key}/{name}.{self._token}.json")
        written = _encoder.encode(payload)

        def put(current: bytes | None, now: float) -> tuple[Written, None]:
            return written, None

        await self._state.update(self._state_key(name), put, guess=None, ttl_s=_RETENTION_S)
        return msgspec.json.decode(_encoder.encode(value))

    def _state_key(self, name: str) -> str:
        return f"step/{self._key}/{name}"
