"""Limits in Valkey or Redis: one Lua call a batch, on the server's clock.

The state's key expires a minute after the limit is idle (a day after, where rates were learned; in a month at most).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError

from shared_agent.errors import StoreError
from shared_agent.limits.backends import state_key
from shared_agent.limits.codec import Op, Reply, Shape, decode_reply, encode
from shared_agent.stores.redis import RedisState

SCRIPT = Path(__file__).with_suffix(".lua").read_text()


class ValkeyBackend:
    """Limits in the server of ``state``, under the same keys and in the same bytes as any other backend's."""

    immediate = False

    def __init__(self, state: RedisState, *, owned: bool = False) -> None:
        self._state = state
        self._owned = owned
        self._script = state.client.register_script(SCRIPT)

    async def apply(self, name: str, shape: Shape, ops: Sequence[Op]) -> Reply:
        key = self._state.namespace + state_key(name)
        try:
            answer: Any = await self._script(keys=[key], args=[encode((shape, ops))])
        except (RedisError, OSError) as error:
            raise StoreError(
                f"limit {name!r}: cannot use the state store {self._state.url}: {error}",
                remedy="check that the server is up and the URL",
            ) from error
        return decode_reply(answer)

    async def aclose(self) -> None:
        if self._owned:
            await self._state.aclose()
