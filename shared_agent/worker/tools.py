"""Calls to tools: anything a handler does outside a model, behind a circuit breaker of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from shared_agent.errors import BreakerOpen, Transient
from shared_agent.spec.settings import RetryPolicy
from shared_agent.worker.breaker import Breakers
from shared_agent.worker.calls import Account
from shared_agent.worker.retry import Attempts, next_delay_s


class Tools:
    """Runs tools with breaker and retries; ``max_wait_s`` as in ``Calls``."""

    def __init__(self, *, breakers: Breakers, retry: RetryPolicy, max_wait_s: float | None) -> None:
        self._breakers = breakers
        self._retry = retry
        self._max_wait_s = max_wait_s

    async def run(self, name: str, tool: Callable[[], Awaitable[Any]], account: Account) -> Any:
        """The tool's value. Raises Transient or BreakerOpen when the tries are used up, and the tool's own errors."""
        attempts = Attempts()
        target = f"tool:{name}"
        loop = asyncio.get_running_loop()
        while True:
            try:
                await self._breakers.before(target, loop.time())
                value = await tool()
            except (Transient, BreakerOpen, TimeoutError, ConnectionError) as raised:
                if not isinstance(raised, BreakerOpen):
                    await self._breakers.failed(target)
                error = raised if isinstance(raised, Transient | BreakerOpen) else _transient(name, raised)
                delay_s = next_delay_s(self._retry, error, attempts)
                if delay_s is None or (account.deadline is not None and loop.time() + delay_s >= account.deadline):
                    raise error from raised
            else:
                await self._breakers.succeeded(target)
                return value
            if self._max_wait_s is not None and delay_s > self._max_wait_s:
                raise account.deferred(delay_s)
            account.backoff_s += delay_s
            await asyncio.sleep(delay_s)


def _transient(name: str, error: Exception) -> Transient:
    return Transient(f"tool {name}: {error or type(error).__name__}", code=type(error).__name__)
