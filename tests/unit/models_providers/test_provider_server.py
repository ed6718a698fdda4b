"""The fake provider server keeps what it promises to the suites that use it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from itertools import islice

import aiohttp

from tests.support.provider_server import Latency, ProviderServer, Quota

BODY = {"model": "claude-haiku-4-5", "max_tokens": 50, "messages": [{"role": "user", "content": "hello there"}]}
HEADERS = {"x-api-key": "k"}


async def ask(session: aiohttp.ClientSession, server: ProviderServer, content: str = "hello there") -> int:
    body = BODY | {"messages": [{"role": "user", "content": content}]}
    async with session.post(f"{server.url}/v1/messages", json=body, headers=HEADERS) as response:
        await response.read()
        return response.status


async def test_a_script_is_used_up_in_order_and_then_the_default_holds(server: ProviderServer) -> None:
    server.script("500*2", "429=1", "ok")
    server.default = "404"
    async with aiohttp.ClientSession() as session:
        assert [await ask(session, server) for _ in range(5)] == [500, 500, 429, 200, 404]
    assert server.stats.by_status == {500: 2, 429: 1, 200: 1, 404: 1}
    assert [seen.behaviour for seen in server.seen] == ["500", "500", "429=1", "ok", "404"]


async def test_a_marker_touches_only_its_own_prompt(server: ProviderServer) -> None:
    async with aiohttp.ClientSession() as session:
        poisoned = [await ask(session, server, "x [[fake:500*2]]") for _ in range(3)]
        assert poisoned == [500, 500, 200]
        assert await ask(session, server, "clean") == 200


async def test_a_quota_admits_its_burst_and_then_its_rate(server: ProviderServer) -> None:
    server.quota = Quota(requests=600, burst_s=0.5)
    async with aiohttp.ClientSession() as session:
        statuses = await asyncio.gather(*(ask(session, server) for _ in range(20)))
    assert 5 <= statuses.count(200) < 20
    assert server.stats.throttled == 20 - statuses.count(200)


async def test_output_tokens_are_counted_too(server: ProviderServer) -> None:
    server.quota = Quota(output_tokens=60, burst_s=1.0)
    async with aiohttp.ClientSession() as session:
        assert [await ask(session, server, "a long question " * 5) for _ in range(2)] == [200, 429]


async def test_an_answer_takes_the_time_of_the_latency() -> None:
    async with ProviderServer(latency=Latency(mean_s=30, sigma=0.1)) as server, aiohttp.ClientSession() as session:
        call = asyncio.create_task(ask(session, server))
        async with asyncio.timeout(5):
            while server.stats.in_flight == 0:
                await asyncio.sleep(0.005)
        assert not call.done()
        call.cancel()


def test_latency_is_lognormal_and_repeatable() -> None:
    times = list(islice(Latency(mean_s=0.5, sigma=0.6, seed=3).series(), 4000))
    assert times == list(islice(Latency(mean_s=0.5, sigma=0.6, seed=3).series(), 4000))
    assert abs(sum(times) / len(times) - 0.5) < 0.05


async def test_it_runs_as_a_program_and_shows_its_counters() -> None:
    command = [sys.executable, "-m", "tests.support.provider_server", "--requests", "60", "--default", "529"]
    program = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    try:
        assert program.stdout is not None
        url = (await asyncio.wait_for(program.stdout.readline(), 30)).decode().strip()
        async with aiohttp.ClientSession() as session:
            async with session.post(f"{url}/v1/messages", json=BODY, headers=HEADERS) as response:
                assert response.status == 529
            async with session.get(f"{url}/stats") as response:
                assert (await response.json())["requests"] == 1
    finally:
        program.terminate()
        await program.wait()
