from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from shared_agent.models import open_model
from shared_agent.models.types import Model
from tests.support.provider_server import ProviderServer
from tests.unit.models_providers.catalogue import ENTRIES


@pytest.fixture
async def server() -> AsyncIterator[ProviderServer]:
    async with ProviderServer() as server:
        yield server


@pytest.fixture
async def opened(server: ProviderServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Callable[..., Model]]:
    """Open a model of the catalogue against ``server``; closed at the end of the test."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    models: list[Model] = []

    def open_(name: str, **options: object) -> Model:
        entry = ENTRIES[name.partition(":")[0]]
        model = open_model(
            name,
            base_url=entry.base_url(server),
            api_key=entry.key,
            options={**entry.options, **options},
        )
        models.append(model)
        return model

    yield open_
    for model in models:
        await model.aclose()
