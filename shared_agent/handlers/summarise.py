"""``summarise``: one summary of any number of documents. Options: ``max_words`` (200)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared_agent.handlers import options
from shared_agent.models.types import Passage, Summarise
from shared_agent.spec.document import Chunk
from shared_agent.spec.settings import JobSettings
from shared_agent.worker.context import Context
from shared_agent.worker.kinds import TaskKind


def _check(settings: JobSettings) -> None:
    options.refuse_unknown(settings, ["max_words"])
    options.whole(settings, "max_words", 200)


def _ask_map(settings: JobSettings, chunk: Chunk) -> Summarise:
    return Summarise(
        passages=(Passage(chunk.text, chunk.label),),
        instructions=settings.instructions,
        max_words=options.whole(settings, "max_words", 200),
    )


def _ask_reduce(settings: JobSettings, values: Sequence[Any], missing: str = "") -> Summarise:
    return Summarise(
        passages=tuple(Passage(value["summary"], value["source"]) for value in values),
        instructions=settings.instructions,
        max_words=options.whole(settings, "max_words", 200),
        combine=True,
        missing=missing,
    )


async def _map(context: Context, chunk: Chunk) -> Any:
    reply = await context.complete(_ask_map(context.settings, chunk))
    return {"summary": reply.text, "source": chunk.label, "extractive": reply.extractive}


async def _reduce(context: Context, values: Sequence[Any]) -> Any:
    missing = context.coverage.describe_missing()
    reply = await context.complete(_ask_reduce(context.settings, values, missing))
    return {"summary": reply.text, "source": _span(values), "extractive": reply.extractive}


def _span(values: Sequence[Any]) -> str:
    """``"a.md … z.md"``: what a combined summary covers, in a few words."""
    first = str(values[0]["source"]).partition(" … ")[0]
    last = str(values[-1]["source"]).rpartition(" … ")[2]
    return first if first == last else f"{first} … {last}"


KIND = TaskKind(
    name="summarise",
    map=_map,
    reduce=_reduce,
    finish=lambda value: value["summary"],
    calls="one",
    check=_check,
    ask_map=_ask_map,
    ask_reduce=_ask_reduce,
)
