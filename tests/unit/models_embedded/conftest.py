from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from shared_agent.models.embedded import EmbeddedModel
from shared_agent.models.types import Purpose, Reply, Request


@pytest.fixture
async def model() -> AsyncIterator[EmbeddedModel]:
    opened = EmbeddedModel()
    yield opened
    await opened.aclose()


@pytest.fixture
def ask(model: EmbeddedModel):
    async def ask(purpose: Purpose, max_output_tokens: int = 1024) -> Reply:
        async with asyncio.timeout(60):
            return await model.complete(Request(purpose=purpose, max_output_tokens=max_output_tokens))

    return ask


@pytest.fixture(scope="session")
def texts() -> SimpleNamespace:
    """Short texts written for these tests, by file name: ``texts.readme``."""
    folder = Path(__file__).parent / "texts"
    return SimpleNamespace(**{path.stem: path.read_text(encoding="utf-8") for path in folder.iterdir()})
