"""A call that is given up gives its connection up, at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from shared_agent.errors import Transient
from shared_agent.models.types import Free, Model, Request
from tests.support.provider_server import ProviderServer
from tests.unit.models_providers.catalogue import FAMILIES, NAMES, WIRES

Opened = Callable[..., Model]
LONG = Request(purpose=Free("one two three four five six seven eight"))


async def until(server: ProviderServer, **counts: int) -> None:
    """Wait until the server's counters read ``counts``."""
    async with asyncio.timeout(5):
        while any(getattr(server.stats, name) != count for name, count in counts.items()):
            await asyncio.sleep(0.002)


@pytest.mark.parametrize("name", NAMES)
async def test_cancelling_calls_closes_their_connections(name: str, opened: Opened, server: ProviderServer) -> None:
    server.default = "hang"
    model = opened(name)
    calls = [asyncio.create_task(model.complete(LONG)) for _ in range(5)]
    await until(server, in_flight=5)

    for call in calls:
        call.cancel()
    results = await asyncio.gather(*calls, return_exceptions=True)

    assert all(isinstance(result, asyncio.CancelledError) for result in results)
    await until(server, in_flight=0, closed_by_client=5)
    assert server.stats.requests == 5


@pytest.mark.parametrize("name", NAMES)
async def test_leaving_a_stream_early_closes_its_connection(name: str, opened: Opened, server: ProviderServer) -> None:
    server.default = "stream-hang"
    async for delta in opened(name).stream(LONG):
        if delta.text:
            break
    del delta
    await until(server, in_flight=0, closed_by_client=1)


@pytest.mark.parametrize("name", WIRES)
async def test_cancelling_a_stalled_stream_closes_its_connection(
    name: str, opened: Opened, server: ProviderServer
) -> None:
    server.default = "stream-hang"
    model = opened(name)
    got = asyncio.Event()

    async def read() -> None:
        async for _ in model.stream(LONG):
            got.set()

    reader = asyncio.create_task(read())
    await asyncio.wait_for(got.wait(), 5)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    await until(server, in_flight=0, closed_by_client=1)


@pytest.mark.parametrize("name", WIRES)
async def test_the_time_limit_ends_calls_and_stalled_streams(name: str, opened: Opened, server: ProviderServer) -> None:
    model = opened(name)
    server.script("hang", "stream-hang")
    limited = Request(purpose=LONG.purpose, timeout_s=0.3)
    with pytest.raises(Transient) as caught:
        await model.complete(limited)
    assert caught.value.code == "timeout"
    with pytest.raises(Transient) as caught:
        async for _ in model.stream(limited):
            pass
    assert caught.value.code == "timeout"
    await until(server, in_flight=0, closed_by_client=2)


@pytest.mark.parametrize("name", FAMILIES)
async def test_a_model_serves_many_calls_at_once(name: str, opened: Opened, server: ProviderServer) -> None:
    server.default = "slow=0.3"
    model = opened(name)
    replies = await asyncio.gather(*(model.complete(Request(purpose=Free(f"call {n}"))) for n in range(120)))
    assert [reply.text for reply in replies] == [f"In short: call {n}" for n in range(120)]
    assert server.stats.max_in_flight > 100
