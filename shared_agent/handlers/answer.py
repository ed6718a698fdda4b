"""``answer``: one answer to a question, from all documents, with the sources it stands on. Options: ``question``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared_agent.handlers import options
from shared_agent.models.types import Answer, Passage
from shared_agent.spec.document import Chunk
from shared_agent.spec.settings import JobSettings
from shared_agent.worker.context import Context
from shared_agent.worker.kinds import TaskKind


def _check(settings: JobSettings) -> None:
    options.refuse_unknown(settings, ["question"])
    options.text(settings, "question", '"What does the licence forbid?"')


def _ask_map(settings: JobSettings, chunk: Chunk) -> Answer:
    return Answer(
        question=options.text(settings, "question", ""),
        passages=(Passage(chunk.text, chunk.label),),
        instructions=settings.instructions,
    )


def _ask_reduce(settings: JobSettings, values: Sequence[Any], missing: str = "") -> Answer:
    return Answer(
        question=options.text(settings, "question", ""),
        passages=tuple(Passage(value["answer"], ", ".join(value["sources"])) for value in values if value["found"]),
        instructions=settings.instructions,
        combine=True,
        missing=missing,
    )


async def _map(context: Context, chunk: Chunk) -> Any:
    reply = await context.complete(_ask_map(context.settings, chunk))
    return {
        "found": bool(reply.data["found"]),
        "answer": reply.data["answer"],
        "sources": [chunk.label] if reply.data["found"] else [],
        "extractive": reply.extractive,
    }


async def _reduce(context: Context, values: Sequence[Any]) -> Any:
    found = [value for value in values if value["found"]]
    if len(found) <= 1:
        return found[0] if found else values[0]
    reply = await context.complete(_ask_reduce(context.settings, found, context.coverage.describe_missing()))
    if not reply.data["found"]:
        return values[0] | {"found": False, "sources": []}
    used = set(reply.data["sources"])
    sources = [value["sources"] for value in found if ", ".join(value["sources"]) in used]
    return {
        "found": True,
        "answer": reply.data["answer"],
        "sources": sorted({name for names in sources or [value["sources"] for value in found] for name in names}),
        "extractive": reply.extractive,
    }


KIND = TaskKind(
    name="answer",
    map=_map,
    reduce=_reduce,
    calls="one",
    check=_check,
    ask_map=_ask_map,
    ask_reduce=_ask_reduce,
)
