"""Task kinds that requirements use: small enough to foresee every value they give.

A runtime whose workers run elsewhere ships this one file with them; it imports nothing but the package itself.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import urllib.request
from collections.abc import Sequence
from typing import Any

from shared_agent.handlers import handler, register
from shared_agent.spec.document import Chunk
from shared_agent.worker.context import Context


async def _join(context: Context, values: Sequence[Any]) -> Any:
    return [item for value in values for item in value]


def _as_list(value: Any) -> Any:
    return [value]


@handler("echo", calls="one")
async def echo(context: Context, chunk: Chunk) -> Any:
    """What the model said to the text, and to which; the reduction lists them without a call."""
    reply = await context.complete(chunk.text)
    return f"{chunk.source}: {reply.text}"


@handler("relay", calls="one")
async def relay(context: Context, chunk: Chunk) -> Any:
    """A note of the text; the reduction combines notes with a call that says what is missing."""
    reply = await context.complete(f"note: {chunk.text}")
    return reply.text


async def _combine(context: Context, values: Sequence[Any]) -> Any:
    missing = context.coverage.describe_missing() or "nothing"
    notes = "\n".join(values)
    reply = await context.complete(f"combine {len(values)} notes; missing: {missing}\n{notes}")
    return reply.text


@handler("spans", calls="one")
async def spans(context: Context, chunk: Chunk) -> Any:
    """Which part of its document the chunk is; the reduction says whether the parts lie end to end."""
    await context.complete(chunk.text)
    return {"from": chunk.start, "to": chunk.end, "pieces": 1, "gapless": len(chunk.text) == chunk.end - chunk.start}


async def _lay(context: Context, values: Sequence[Any]) -> Any:
    meet = all(left["to"] == right["from"] for left, right in itertools.pairwise(values))
    return {
        "from": values[0]["from"],
        "to": values[-1]["to"],
        "pieces": sum(value["pieces"] for value in values),
        "gapless": meet and all(value["gapless"] for value in values),
    }


@handler("fragile", calls="one")
async def fragile(context: Context, chunk: Chunk) -> Any:
    """Fails on a text that says ``poison``; its error is as long as the option ``error_length`` says."""
    if "poison" in chunk.text:
        raise ValueError("cannot digest this: " + "x" * int(context.options.get("error_length", 0)))
    reply = await context.complete(chunk.text)
    return f"{chunk.source}: {reply.text}"


@handler("booking")
async def booking(context: Context, chunk: Chunk) -> Any:
    """Asks, acts on the outside world, and asks again: an agent with a side effect between two calls."""
    plan = await context.complete(f"plan for {chunk.text}")
    url = context.options["effects_url"]

    async def act() -> Any:
        return await asyncio.to_thread(_post, url, context.idempotency_key)

    await context.step("book", act)
    report = await context.complete(f"report on {chunk.text}")
    return f"{plan.text} / {report.text}"


def _post(url: str, key: str) -> Any:
    body = json.dumps({"key": key}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


register(echo.reduced_by(_join, lift=_as_list))
register(relay.reduced_by(_combine))
register(fragile.reduced_by(_join, lift=_as_list))
register(booking.reduced_by(_join, lift=_as_list))
register(spans.reduced_by(_lay))
