"""``judge``: scores every input as a candidate and selects the best; it never writes one (seed §04, judge pattern).

Options: ``question`` (what the candidates answer), ``criteria``, ``keep`` (how many of the best to list, 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared_agent.handlers import options
from shared_agent.models.types import Judge
from shared_agent.spec.document import Chunk
from shared_agent.spec.settings import JobSettings
from shared_agent.worker.context import Context
from shared_agent.worker.kinds import TaskKind


def _check(settings: JobSettings) -> None:
    options.refuse_unknown(settings, ["question", "criteria", "keep"])
    options.text(settings, "question", '"Which reply helps the customer most?"')
    options.whole(settings, "keep", 5)


def _ask(settings: JobSettings, chunk: Chunk) -> Judge:
    return Judge(
        question=options.text(settings, "question", ""),
        candidates=(chunk.text,),
        criteria=str(settings.options.get("criteria", settings.instructions)),
    )


async def _map(context: Context, chunk: Chunk) -> Any:
    reply = await context.complete(_ask(context.settings, chunk), role="judge")
    return {"source": chunk.label, "score": reply.data["scores"][0], "reason": reply.data.get("reason", "")}


def _lift(value: Any) -> Any:
    return [value]


async def _best(context: Context, values: Sequence[Any]) -> Any:
    candidates = [candidate for kept in values for candidate in kept]
    # A stable sort: of equal scores the earlier input wins, whatever finished first.
    candidates.sort(key=lambda candidate: -candidate["score"])
    return candidates[: options.whole(context.settings, "keep", 5)]


def _finish(value: Any) -> Any:
    return {"best": value[0], "ranking": value}


KIND = TaskKind(
    name="judge",
    map=_map,
    reduce=_best,
    lift=_lift,
    finish=_finish,
    calls="one",
    check=_check,
    ask_map=_ask,
)
