"""``classify``: a label for every input, and the tally of all.

Options: ``labels`` (a list, or names with descriptions), ``multiple`` (false), ``examples`` (a list of {text, label}).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared_agent.errors import InputError
from shared_agent.handlers import options
from shared_agent.models.types import Classify
from shared_agent.spec.document import Chunk
from shared_agent.spec.settings import JobSettings
from shared_agent.worker.context import Context
from shared_agent.worker.kinds import TaskKind


def _check(settings: JobSettings) -> None:
    options.refuse_unknown(settings, ["labels", "multiple", "examples"])
    known = options.labels(settings)
    for index, (_, label) in enumerate(_examples(settings)):
        if label not in known:
            raise InputError(
                f"options.examples.{index}.label", f"is {label!r}", remedy=f"use one of {', '.join(known)}"
            )


def _examples(settings: JobSettings) -> tuple[tuple[str, str], ...]:
    examples: list[tuple[str, str]] = []
    given: Any = settings.options.get("examples", ())
    if not isinstance(given, list | tuple):
        raise InputError("options.examples", "is not a list", remedy="give a list of {text: …, label: …}")
    for index, item in enumerate(given):
        try:
            examples.append((str(item["text"]), str(item["label"])))
        except (TypeError, KeyError) as error:
            raise InputError(
                f"options.examples.{index}", "needs text and label", remedy="{text: …, label: …}"
            ) from error
    return tuple(examples)


def _ask(settings: JobSettings, chunk: Chunk) -> Classify:
    return Classify(
        text=chunk.text,
        labels=options.labels(settings),
        instructions=settings.instructions,
        multiple=bool(settings.options.get("multiple", False)),
        examples=_examples(settings),
    )


async def _map(context: Context, chunk: Chunk) -> Any:
    reply = await context.complete(_ask(context.settings, chunk))
    return {"source": chunk.label, **reply.data}


def _lift(value: Any) -> Any:
    return {"counts": dict.fromkeys(value["labels"], 1), "inputs": 1}


async def _tally(context: Context, values: Sequence[Any]) -> Any:
    counts: dict[str, int] = {}
    for value in values:
        for label, count in value["counts"].items():
            counts[label] = counts.get(label, 0) + count
    return {"counts": counts, "inputs": sum(value["inputs"] for value in values)}


KIND = TaskKind(name="classify", map=_map, reduce=_tally, lift=_lift, calls="one", check=_check, ask_map=_ask)
