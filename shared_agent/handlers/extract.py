"""``extract``: the fields of a JSON Schema from every input, one row each; there is nothing to reduce.

Options: ``schema`` (JSON Schema of an object). What a text does not say stays absent; it is never filled in.
"""

from __future__ import annotations

from typing import Any

from shared_agent.handlers import options
from shared_agent.models.types import Extract
from shared_agent.spec.document import Chunk
from shared_agent.spec.settings import JobSettings
from shared_agent.worker.context import Context
from shared_agent.worker.kinds import TaskKind


def _check(settings: JobSettings) -> None:
    options.refuse_unknown(settings, ["schema"])
    options.schema(settings)


def _ask(settings: JobSettings, chunk: Chunk) -> Extract:
    return Extract(text=chunk.text, schema=options.schema(settings), instructions=settings.instructions)


async def _map(context: Context, chunk: Chunk) -> Any:
    reply = await context.complete(_ask(context.settings, chunk))
    return {"source": chunk.label, "data": reply.data}


KIND = TaskKind(name="extract", map=_map, calls="one", check=_check, ask_map=_ask)
