"""Every state store keeps the same promises: each test here runs on all of them."""

from __future__ import annotations

import asyncio
import multiprocessing
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared_agent.errors import InputError, StoreError
from shared_agent.stores import KEEP, UNKNOWN, StateStore, open_state


@pytest.fixture(params=["memory", "sqlite", "valkey"])
async def url(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    with tempfile.TemporaryDirectory(prefix="sa-") as folder:
        yield {
            "memory": "memory://",
            "sqlite": f"sqlite:///{folder}/state.db",
            "valkey": f"valkey:///{folder}",
        }[request.param]


@pytest.fixture
async def store(url: str) -> AsyncIterator[StateStore]:
    store = open_state(url)
    yield store
    await store.aclose()


def increment(current: bytes | None, now: float) -> tuple[bytes, int]:
    count = int(current or b"0") + 1
    return str(count).encode(), count


async def test_an_update_returns_what_the_transition_decided(store: StateStore) -> None:
    assert await store.get("n") is None
    assert await store.update("n", increment) == 1
    assert await store.update("n", increment) == 2
    assert await store.get("n") == b"2"


async def test_concurrent_updates_are_never_lost(store: StateStore) -> None:
    results = await asyncio.gather(*[store.update("n", increment, guess=None) for _ in range(200)])
    assert sorted(results) == list(range(1, 201))
    assert await store.get("n") == b"200"


@pytest.mark.parametrize("guess", [None, b"3", b"7", UNKNOWN])
async def test_a_wrong_guess_costs_time_but_never_correctness(store: StateStore, guess: bytes | None) -> None:
    await store.update("n", lambda current, now: (b"7", None))
    assert await store.update("n", increment, guess=guess) == 8


async def test_keep_decided_on_a_wrong_guess_is_decided_again(store: StateStore) -> None:
    await store.update("k", lambda current, now: (b"there", None))
    seen = await store.update("k", lambda current, now: (KEEP, current), guess=None)
    assert seen == b"there"


async def test_none_deletes_the_value(store: StateStore) -> None:
    await store.update("k", lambda current, now: (b"x", None))
    await store.update("k", lambda current, now: (None, None))
    assert await store.get("k") is None


async def test_a_value_is_gone_after_its_time_to_live(store: StateStore) -> None:
    await store.update("k", lambda current, now: (b"x", None), ttl_s=0.05)
    assert await store.get("k") == b"x"
    async with asyncio.timeout(5):
        while await store.get("k") is not None:
            await asyncio.sleep(0.01)


async def test_scan_lists_a_prefix_in_key_order_and_nothing_else(store: StateStore) -> None:
    for key in ["a/2", "b/1", "a/1", "a/[x]*", "ab/1"]:
        await store.update(key, lambda current, now, key=key: (key.encode(), None))
    assert [item async for item in store.scan("a/")] == [
        ("a/1", b"a/1"),
        ("a/2", b"a/2"),
        ("a/[x]*", b"a/[x]*"),
    ]


async def test_scan_crosses_page_boundaries(store: StateStore) -> None:
    for n in range(1100):
        await store.update(f"p/{n:05}", lambda current, now: (b"v", None), guess=None)
    assert [key async for key, _ in store.scan("p/")] == [f"p/{n:05}" for n in range(1100)]


async def test_store_time_does_not_go_back_between_updates(store: StateStore) -> None:
    times = [await store.update("t", lambda current, now: (b"x", now)) for _ in range(50)]
    assert times == sorted(times)


def _count_up(url: str, times: int) -> None:
    async def main() -> None:
        store = open_state(url)
        for _ in range(times):
            await store.update("n", increment, guess=None)
        await store.aclose()

    asyncio.run(main())


async def test_processes_that_share_a_store_lose_no_update(url: str) -> None:
    if url == "memory://":
        url = f"sqlite:///{tempfile.mkdtemp(prefix='sa-')}/again.db"  # memory is one process's own
    keeper = open_state(url)
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_count_up, args=(url, 100)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        await asyncio.to_thread(process.join)
        assert process.exitcode == 0
    assert await keeper.get("n") == b"300"
    await keeper.aclose()


async def test_state_survives_the_process_that_wrote_it(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="sa-") as folder:
        for url in [f"sqlite:///{folder}/s.db", f"valkey:///{folder}"]:
            first = open_state(url)
            await first.update("k", lambda current, now: (b"kept", None))
            await first.aclose()
            second = open_state(url)
            assert await second.get("k") == b"kept"
            await second.aclose()


def _open_and_hang(folder: str, opened: object) -> None:
    async def main() -> None:
        store = open_state(f"valkey:///{folder}")
        await store.update("k", increment)
        opened.set()  # type: ignore[attr-defined]
        await asyncio.sleep(60)

    asyncio.run(main())


async def gone(socket: Path) -> None:
    async with asyncio.timeout(10):
        while socket.exists():
            await asyncio.sleep(0.01)


async def test_an_embedded_server_ends_with_its_last_user() -> None:
    with tempfile.TemporaryDirectory(prefix="sa-") as folder:
        first, second = open_state(f"valkey:///{folder}"), open_state(f"valkey:///{folder}")
        await first.update("k", increment)
        await first.aclose()
        await asyncio.sleep(0.3)
        assert await second.get("k") == b"1"
        await second.aclose()
        await gone(Path(folder) / "valkey.sock")


async def test_an_embedded_server_ends_when_its_last_user_is_killed() -> None:
    with tempfile.TemporaryDirectory(prefix="sa-") as folder:
        context = multiprocessing.get_context("spawn")
        opened = context.Event()
        process = context.Process(target=_open_and_hang, args=(folder, opened))
        process.start()
        assert await asyncio.to_thread(opened.wait, 30)
        assert (Path(folder) / "valkey.sock").exists()
        process.kill()
        await asyncio.to_thread(process.join)
        await gone(Path(folder) / "valkey.sock")
        again = open_state(f"valkey:///{folder}")
        assert await again.get("k") == b"1"
        await again.aclose()
        await gone(Path(folder) / "valkey.sock")


async def test_an_unreachable_server_is_a_store_error_that_names_the_url() -> None:
    store = open_state("redis://127.0.0.1:1/0")
    with pytest.raises(StoreError, match=r"redis://127\.0\.0\.1:1/0"):
        await store.get("k")
    await store.aclose()


@pytest.mark.parametrize("url", ["carrier-pigeon://x", "", "sqlite://", "state.db"])
def test_a_url_that_is_not_understood_names_the_field_and_the_remedy(url: str) -> None:
    with pytest.raises(InputError, match=r"^state: .*sqlite:///"):
        open_state(url)
