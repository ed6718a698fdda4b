"""A deterministic model whose behaviour is data: what each call does, how long it takes, what it answers and costs.

script = Script(failures={1: Throttled("slow down", retry_after_s=0.01)}, latency_s=0.01)
name = scripted(script)                              # "scripted-1:model", for Job.models
...
assert script.calls == 2
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared_agent.models import register_provider
from shared_agent.models.types import (
    Answer,
    Classify,
    Delta,
    Embeddings,
    Extract,
    Free,
    Judge,
    Quota,
    Reply,
    Request,
    Summarise,
)
from shared_agent.spec import ids
from shared_agent.spec.usage import Usage

_numbers = itertools.count(1)

ONE_CALL = Usage(calls=1, input_tokens=10, output_tokens=5, usd=0.001)


@dataclass(slots=True, kw_only=True)
class Script:
    """What a model does, and what was seen of it.

    ``failures`` by call number (from 1), ``fails`` for whatever is a rule; ``latency_s`` in seconds, or by call number.
    ``log``: a file that gets one appended line when a call starts and one when it ends.
    """

    failures: Mapping[int, BaseException] = field(default_factory=dict)
    fails: Callable[[int, Request], BaseException | None] | None = None
    latency_s: float | Callable[[int], float] = 0.0
    text: Callable[[Request], str] | None = None
    data: Callable[[Request], Any] | None = None
    usage: Usage = ONE_CALL
    estimate: Usage = ONE_CALL
    pieces: Sequence[str] = ("one ", "two ", "three")
    stall_after_pieces: bool = False
    quotas: tuple[Quota, ...] = ()
    log: str = ""

    calls: int = 0
    ended: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    cancelled: int = 0
    requests: list[Request] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)

    def latency(self, number: int) -> float:
        return self.latency_s(number) if callable(self.latency_s) else self.latency_s


class ScriptedModel:
    """A ``Model`` that follows a script."""

    def __init__(self, name: str, script: Script) -> None:
        self.name = name
        self.script = script
        self._log = os.open(script.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT) if script.log else -1

    async def complete(self, request: Request) -> Reply:
        async with self._call(request):
            return self._reply(request)

    async def stream(self, request: Request) -> AsyncIterator[Delta]:
        async with self._call(request):
            for piece in self.script.pieces:
                yield Delta(text=piece)
                await asyncio.sleep(0)
            if self.script.stall_after_pieces:
                await asyncio.sleep(3600)
            yield Delta(reply=self._reply(request))

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        async with self._call(Request(purpose=Free(prompt="\n".join(texts)))):
            return Embeddings(vectors=[[1.0, 0.0]] * len(texts), model=self.name, usage=self.script.usage)

    def estimate(self, request: Request) -> Usage:
        return self.script.estimate

    async def aclose(self) -> None:
        if self._log >= 0:
            os.close(self._log)
            self._log = -1

    @contextlib.asynccontextmanager
    async def _call(self, request: Request) -> AsyncIterator[None]:
        script = self.script
        script.calls += 1
        number = script.calls
        digest = ids.digest(request.purpose)[:16]
        script.requests.append(request)
        script.asked[digest] += 1
        script.in_flight += 1
        script.most_in_flight = max(script.most_in_flight, script.in_flight)
        self._write(f"start {digest}")
        try:
            await asyncio.sleep(script.latency(number))
            error = script.failures.get(number) or (script.fails(number, request) if script.fails else None)
            if error is not None:
                raise error
            yield
            script.ended += 1
            self._write(f"end {digest}")
        except (asyncio.CancelledError, GeneratorExit):
            script.cancelled += 1
            raise
        finally:
            script.in_flight -= 1

    def _write(self, line: str) -> None:
        if self._log >= 0:
            os.write(self._log, f"{line} {time.time():.6f}\n".encode())

    def _reply(self, request: Request) -> Reply:
        script = self.script
        return Reply(
            text=script.text(request) if script.text else _text(request),
            data=script.data(request) if script.data else _data(request),
            model=self.name,
            usage=script.usage,
            quotas=script.quotas,
        )


def _text(request: Request) -> str:
    match request.purpose:
        case Summarise(passages=passages):
            return " + ".join(passage.text for passage in passages)
        case Free(prompt=prompt):
            return prompt.upper()
        case _:
            return ""


def _data(request: Request) -> Any:
    match request.purpose:
        case Classify(labels=labels):
            label = next(iter(labels))
            return {"label": label, "labels": [label], "scores": {label: 1.0}}
        case Extract(text=text):
            return {"title": text[:10]}
        case Answer(passages=passages):
            return {"answer": passages[0].text, "sources": [passages[0].source], "found": True}
        case Judge(candidates=candidates):
            return {"choice": 0, "scores": [len(text) / 1000 for text in candidates], "reason": "by length"}
        case _:
            return None


def scripted(script: Script) -> str:
    """The name under which ``open_model`` opens a model that follows ``script``."""
    provider = f"scripted-{next(_numbers)}"
    register_provider(provider, lambda opening: ScriptedModel(opening.name, script))
    return f"{provider}:model"
