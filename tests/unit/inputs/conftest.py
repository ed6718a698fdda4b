"""What every test of the inputs does: write files, read them as a job would, and look at what came and what was skipped."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from obstore.store import MemoryStore

from shared_agent.inputs import Skipped, read_documents
from shared_agent.spec.document import Document
from shared_agent.spec.job import Input

Reader = Callable[..., Awaitable[tuple[list[Document], dict[str, str]]]]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    def write_file(name: str, content: str | bytes = "text") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file


@pytest.fixture
def read(tmp_path: Path, bucket: MemoryStore) -> Reader:
    """Read one input, given by its fields; answers the documents and what was skipped, by name."""

    async def read_input(**fields: Any) -> tuple[list[Document], dict[str, str]]:
        skipped: list[Skipped] = []
        stream = read_documents([Input(**fields)], tmp_path, on_skip=skipped.append, open_store=lambda root: bucket)
        documents = [document async for document in stream]
        return documents, {item.source: item.reason for item in skipped}

    return read_input


@pytest.fixture
def bucket() -> MemoryStore:
    return MemoryStore()


def names(documents: list[Document]) -> list[str]:
    return [document.source for document in documents]
