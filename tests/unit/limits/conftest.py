"""One real server of each kind, and a store clock that a test can turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from shared_agent.limits import Limiter, open_limiter
from shared_agent.spec.limit import LimitSpec
from shared_agent.stores import open_state
from shared_agent.stores.embedded_valkey import EmbeddedValkeyState

Opened = Callable[..., Limiter]


@pytest.fixture(scope="session")
def valkey_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A Valkey server's folder; the server stops with its last client."""
    folder = tmp_path_factory.mktemp("valkey")
    keeper = EmbeddedValkeyState(folder)
    yield folder
    asyncio.run(keeper.aclose())


@pytest.fixture
async def valkey(valkey_folder: Path) -> AsyncIterator[EmbeddedValkeyState]:
    """A client of that server, with nothing stored."""
    state = EmbeddedValkeyState(valkey_folder)
    await state.client.flushall()
    yield state
    await state.client.aclose()


@pytest.fixture(params=["memory", "sqlite", "valkey"])
async def opened(request: pytest.FixtureRequest, tmp_path: Path, valkey_folder: Path) -> AsyncIterator[Opened]:
    """``opened(spec, …)`` is a limiter on each back end in turn; all on one store, as several workers would be."""
    urls = {
        "memory": "memory://",
        "sqlite": f"sqlite:///{tmp_path}/state.db",
        "valkey": f"valkey:///{valkey_folder}",
    }
    store = open_state(urls[request.param])
    if isinstance(store, EmbeddedValkeyState):
        await store.client.flushall()
    limiters: list[Limiter] = []

    def open_one(*specs: LimitSpec, **options: float) -> Limiter:
        limiters.append(open_limiter(specs, store, **options))
        return limiters[-1]

    yield open_one
    for limiter in limiters:
        await limiter.aclose()
    if isinstance(store, EmbeddedValkeyState):
        await store.client.aclose()
    else:
        await store.aclose()
