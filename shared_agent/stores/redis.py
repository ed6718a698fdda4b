"""Shared state in Valkey or Redis: compare-and-set in one Lua call, on the server's clock.

The condition of a write is the SHA-1 of the value that the decision was made on: a belief about a large value costs 40
bytes. A refused write returns the current value and the time, from which the transition is decided again.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from shared_agent.errors import StoreError, StoreUnavailable
from shared_agent.stores.state import KEEP, UNKNOWN, Guess, T, Transition

if TYPE_CHECKING:
    from redis.asyncio import Redis

CONNECTIONS = 16
"""Most connections one process opens to a server; a command beyond them waits for a free one."""

_CONFLICTS_LIMIT = 1000

# ARGV: condition ("" = absent, else sha1 of the value), "set" | "del" | "read", value, ttl in ms (0 = none)
_COMPARE_AND_SET = """
local current = redis.call('GET', KEYS[1])
local time = redis.call('TIME')
local digest = current and redis.sha1hex(current) or ''
if ARGV[2] == 'read' or digest ~= ARGV[1] then return {0, time[1], time[2], current} end
if ARGV[2] == 'del' then redis.call('DEL', KEYS[1])
elseif ARGV[4] ~= '0' then redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
else redis.call('SET', KEYS[1], ARGV[3]) end
return {1, time[1], time[2]}
"""


class RedisState:
    """A ``StateStore`` over a ``redis.asyncio`` client that returns bytes. Keys are put under ``namespace``."""

    def __init__(self, client: Redis, *, url: str, namespace: str = "shared-agent:") -> None:
        self.url = url
        self.client = client
        self.namespace = namespace
        self._script = client.register_script(_COMPARE_AND_SET)
        self._ahead_s: float | None = None

    async def get(self, key: str) -> bytes | None:
        _, value = await self._call(key, "", "read")
        return value

    async def update(
        self,
        key: str,
        transition: Transition[T],
        *,
        guess: Guess = UNKNOWN,
        ttl_s: float | None = None,
    ) -> T:
        ttl_ms = "0" if ttl_s is None else str(max(1, round(ttl_s * 1000)))
        believed = guess
        if believed is UNKNOWN or self._ahead_s is None:
            _, believed = await self._call(key, "", "read")
            certain = True
        else:
            certain = False
        for _ in range(_CONFLICTS_LIMIT):
            written, result = transition(believed, time.time() + (self._ahead_s or 0.0))
            if written is KEEP and certain:
                return result
            digest = hashlib.sha1(believed).hexdigest() if believed is not None else ""
            if written is KEEP:
                done, current = await self._call(key, digest, "read")
            elif written is None:
                done, current = await self._call(key, digest, "del")
            else:
                done, current = await self._call(key, digest, "set", written, ttl_ms)
            if done:
                return result
            believed, certain = current, True
        raise StoreError(
            f"{key} changed under every one of {_CONFLICTS_LIMIT} tries",
            remedy="spread the load over more keys",
        )

    async def scan(self, prefix: str) -> AsyncIterator[tuple[str, bytes]]:
        pattern = _escape(self.namespace + prefix) + "*"
        skip = len(self.namespace)
        try:
            found = {key async for key in self.client.scan_iter(match=pattern, count=1000)}
            for key in sorted(found):
                value: Any = await self.client.get(key)
                if value is not None:
                    yield key.decode()[skip:], value
        except self._errors() as error:
            raise self._unreachable(error) from error

    async def aclose(self) -> None:
        await self.client.aclose()

    async def _call(
        self, key: str, condition: str, op: str, value: bytes = b"", ttl_ms: str = "0"
    ) -> tuple[bool, bytes | None]:
        try:
            answer: Any = await self._script(keys=[self.namespace + key], args=[condition, op, value, ttl_ms])
        except self._errors() as error:
            raise self._unreachable(error) from error
        self._ahead_s = int(answer[1]) + int(answer[2]) / 1e6 - time.time()
        return bool(answer[0]), answer[3] if len(answer) > 3 else None

    @staticmethod
    def _errors() -> tuple[type[BaseException], ...]:
        from redis.exceptions import RedisError

        return (RedisError, OSError)

    def _unreachable(self, error: BaseException) -> StoreUnavailable:
        return StoreUnavailable(
            f"cannot reach the state store {self.url}: {error}",
            remedy="check that the server is up and the URL",
        )


def _escape(text: str) -> str:
    return "".join("\\" + char if char in "*?[]\\^-" else char for char in text)
