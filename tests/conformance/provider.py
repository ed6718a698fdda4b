"""The provider of the suite: a real HTTP server whose behaviour is a requirement's data and which records every call.

It speaks OpenAI's chat completions, which every runtime reaches through ``model_options[…].base_url``, so calls are counted
in one place however many processes make them. ``POST /effects`` stands for the outside world that a handler acts on.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

from tests.conformance.requirement import Answer, ProviderBehaviour
from tests.support import provider_wire as wire

_WORDS = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_exceeded"}


@dataclass
class Call:
    """One request as it arrived, and what became of it. ``answered``: the whole answer was handed to the connection."""

    prompt: str
    key: str
    traceparent: str
    arrived_s: float
    answered: bool = False
    closed_by_client: bool = False
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass
class Log:
    """Everything that happened; ``repeats`` are calls of a key and prompt that had been answered when they arrived."""

    calls: list[Call] = field(default_factory=list)
    effects: list[str] = field(default_factory=list)
    in_flight: int = 0
    held: int = 0
    max_in_flight: int = 0
    repeats: int = 0

    @property
    def answered(self) -> list[Call]:
        return [call for call in self.calls if call.answered]


class ConformanceProvider:
    """An async context manager that listens on a free port of 127.0.0.1."""

    def __init__(self, behaviour: ProviderBehaviour) -> None:
        self.log = Log()
        self.url = ""
        self._behaviour = behaviour
        self._tries: Counter[str] = Counter()
        self._done: set[tuple[str, str]] = set()
        self._released = asyncio.Event()
        self._dialect = wire.OpenAIDialect()

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 2**20)
        app.add_routes([web.post("/v1/chat/completions", self._complete), web.post("/effects", self._effect)])
        # Without handler_cancellation a handler would not notice that its client is gone.
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, backlog=1024)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.release()
        await self._runner.cleanup()

    def release(self) -> None:
        """Let held calls go, and hold none from now on."""
        self._released.set()

    async def _effect(self, request: web.Request) -> web.Response:
        self.log.effects.append((await request.json())["key"])
        return web.json_response({"number": len(self.log.effects)})

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        ask = self._dialect.read(await request.json(), None, None)
        call = Call(
            prompt=f"{ask.system}\n{ask.prompt}".lstrip("\n"),
            key=request.headers.get("Idempotency-Key", ""),
            traceparent=request.headers.get("traceparent", ""),
            arrived_s=time.monotonic(),
        )
        log = self.log
        log.repeats += (call.key, call.prompt) in self._done
        log.calls.append(call)
        log.in_flight += 1
        log.max_in_flight = max(log.max_in_flight, log.in_flight)
        try:
            return await self._answer(request, ask, call, self._choose(call))
        except (asyncio.CancelledError, ConnectionError):
            call.closed_by_client = True
            raise
        finally:
            log.in_flight -= 1

    def _choose(self, call: Call) -> Answer:
        self._tries[call.prompt] += 1
        nth_try, nth_call = self._tries[call.prompt], len(self.log.calls)
        for rule in self._behaviour.rules:
            if rule.contains in call.prompt and rule.on_try.hold(nth_try) and rule.on_call.hold(nth_call):
                return rule.then
        return self._behaviour.otherwise

    async def _answer(self, request: web.Request, ask: wire.Ask, call: Call, answer: Answer) -> web.StreamResponse:
        await asyncio.sleep(answer.latency_s)
        if answer.hold and not self._released.is_set():
            self.log.held += 1
            try:
                await self._released.wait()
            finally:
                self.log.held -= 1
        if answer.status != 200:
            return self._refuse(answer)
        if answer.broken == "garbage":
            return web.Response(text="{]", content_type="application/json")
        told = _told(ask, answer)
        payload = json.dumps(self._dialect.answer(told)).encode()
        if answer.broken == "drop":
            return await _drop(request, payload)
        call.answered = True
        call.input_tokens, call.output_tokens = told.input_tokens, told.output_tokens
        self._done.add((call.key, call.prompt))
        return web.Response(body=payload, content_type="application/json")

    def _refuse(self, answer: Answer) -> web.Response:
        word = _WORDS.get(answer.status, "server_error" if answer.status >= 500 else "invalid_request_error")
        body: dict[str, Any] = self._dialect.error(answer.status, word, answer.message, answer.retry_after_s)
        headers = {"Retry-After": f"{answer.retry_after_s:g}"} if answer.retry_after_s is not None else {}
        return web.json_response(body, status=answer.status, headers=headers)


def _told(ask: wire.Ask, answer: Answer) -> wire.Told:
    text = (answer.text * answer.times) if answer.text is not None else wire.answer_text(ask)
    return wire.Told(
        text=text,
        model=ask.model,
        input_tokens=ask.input_tokens if answer.input_tokens is None else answer.input_tokens,
        output_tokens=wire.count_tokens(text) if answer.output_tokens is None else answer.output_tokens,
    )


async def _drop(request: web.Request, payload: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": str(len(payload))})
    response.content_type = "application/json"
    await response.prepare(request)
    await response.write(payload[: len(payload) // 2])
    if request.transport is not None:
        request.transport.abort()
    return response
