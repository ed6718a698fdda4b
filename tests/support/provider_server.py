"""A local HTTP server that speaks the wire formats of Anthropic, OpenAI and Google, and misbehaves on demand.

In a test::

    async with ProviderServer() as server:
        model = open_model("anthropic:claude-haiku-4-5", base_url=server.url, api_key="k")
        server.script("429=0.2", "ok")                # the next two requests; then server.default again
        ...
        assert server.stats.requests == 2

    async with ProviderServer(quota=Quota(requests=60), latency=Latency(mean_s=0.2)) as server: ...

From a shell (``--help`` lists the rest; ``GET /stats`` and ``POST /reset`` work across processes)::

    python -m tests.support.provider_server --port 8399 --requests 600 --latency-mean 0.2

Base addresses: ``server.url`` for ``anthropic:`` and ``google:``; ``server.openai_url`` for ``openai:``; ``server.url``
for ``azure-openai:``, ``anthropic-bedrock:``; ``server.url + "/anthropic"`` for ``anthropic-foundry:``;
``server.url + "/v1"`` for ``anthropic-vertex:``.

**Which behaviour a request gets** (first that applies):

1. a marker in its prompt, ``[[fake:BEHAVIOUR]]``, so that one input of a job misbehaves while the others do not;
2. the next entry of the queue that ``script`` filled;
3. ``server.by_model[MODEL]``;
4. ``server.default``.

**Behaviours**; ``KIND=VALUE*TIMES``, where VALUE and TIMES are optional. With TIMES in a marker, only the first TIMES
requests of the same prompt misbehave.

=================  =====================================================================================================
``ok``             the answer (see :mod:`tests.support.provider_wire`: derived from the input)
``slow=S``         the answer after S seconds
``hang``           no answer; ends when the client closes the connection (counted in ``stats.closed_by_client``)
``429=S``          rate limited; S goes into Retry-After (Google: RetryInfo). Without S there is no hint
``529``, ``500``…  any HTTP error status, with the provider's own error body
``too-long``       400 with the provider's words for a prompt over the context window
``no-credit``      429 that no wait cures (OpenAI's insufficient_quota)
``bad-param=NAME`` 400 that refuses the parameter NAME, as long as the request carries it
``html``           502 with an HTML page instead of JSON, as a proxy in front sends it
``broken-json``    200 whose body is not JSON
``empty-object``   200 whose body is ``{}``
``drop``           200, then the connection breaks in the middle of the body
``stream-drop``    a stream whose connection breaks after the first pieces
``stream-end``     a stream that ends properly but without its last events
``stream-error``   a stream that reports overload in an event (Anthropic) or as an error chunk
``stream-hang``    a stream that stalls after the first piece until the client closes
``prose``          an answer that is not the JSON asked for
``empty``          an answer without any text
``cut``            an answer that stopped at the token cap
``refuse``         the provider's way to withhold an answer
=================  =====================================================================================================
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

from tests.support import provider_wire as wire
from tests.support.provider_limits import Buckets, Latency, Quota

_MARKER = re.compile(r"\[\[fake:([^\]]+)\]\]")
_KEPT = 10_000


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    path: str
    model: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    behaviour: str
    at: float


@dataclass
class Stats:
    """Counters since the start or the last ``reset``. ``answered`` are whole answers of status 200."""

    requests: int = 0
    answered: int = 0
    in_flight: int = 0
    max_in_flight: int = 0
    closed_by_client: int = 0
    throttled: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    by_status: Counter[int] = field(default_factory=Counter)
    by_model: Counter[str] = field(default_factory=Counter)


class ProviderServer:
    """The server; an async context manager that listens on 127.0.0.1. ``port`` 0 takes any free one.

    ``piece_delay_s``: seconds between two pieces of a stream. ``cached_tokens``: input tokens reported as read from the
    provider's cache. ``keep``: whether to remember requests in ``seen`` (the last 10,000).
    """

    def __init__(
        self,
        *,
        port: int = 0,
        quota: Quota | None = None,
        latency: Latency | None = None,
        piece_delay_s: float = 0.0,
        cached_tokens: int = 0,
        keep: bool = True,
    ) -> None:
        self._port = port
        self._quota: Quota | None = quota
        self._times = latency.series() if latency else None
        self.piece_delay_s = piece_delay_s
        self.cached_tokens = cached_tokens
        self._keep = keep
        self.default = "ok"
        self.by_model: dict[str, str] = {}
        self.url = ""
        self.reset()

    @property
    def quota(self) -> Quota | None:
        """What is allowed a minute; setting it starts with full buckets."""
        return self._quota

    @quota.setter
    def quota(self, quota: Quota | None) -> None:
        self._quota = quota
        self._buckets = Buckets(quota) if quota else None

    @property
    def openai_url(self) -> str:
        return f"{self.url}/v1"

    def script(self, *behaviours: str) -> None:
        """The next requests get these behaviours, one each, in order of arrival."""
        self._queue.extend(behaviours)

    def reset(self) -> None:
        """Forget counters, requests, the script and what the quota has spent."""
        self.stats = Stats()
        self.seen: deque[Seen] = deque(maxlen=_KEPT)
        self._queue: deque[str] = deque()
        self._marked: Counter[str] = Counter()
        self._buckets = Buckets(self._quota) if self._quota else None

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 2**20)
        app.add_routes(
            [
                web.get("/stats", self._show),
                web.post("/reset", self._forget),
                web.post("/v1/messages", self._anthropic),
                web.post("/anthropic/v1/messages", self._anthropic),
                web.post(r"/v1/projects/{p}/locations/{r}/publishers/anthropic/models/{call:.+}", self._vertex_claude),
                web.post(r"/model/{model}/{call:invoke.*}", self._bedrock),
                web.post("/v1/{call:chat/completions|embeddings}", self._openai),
                web.post(r"/openai/deployments/{model}/{call:chat/completions|embeddings}", self._openai),
                web.post(r"/{version:v1beta\d?}/{_:.*}models/{call:[^/]+}", self._gemini),
            ]
        )
        # Without handler_cancellation a handler would not notice that its client is gone.
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, backlog=4096)
        await site.start()
        assert site._server is not None
        self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Stop listening and close every connection; may be called more than once."""
        await self._runner.cleanup()

    async def _show(self, _: web.Request) -> web.Response:
        return web.json_response(vars(self.stats))

    async def _forget(self, _: web.Request) -> web.Response:
        self.reset()
        return web.json_response({})

    async def _anthropic(self, request: web.Request) -> web.StreamResponse:
        if not (request.headers.get("x-api-key") or request.headers.get("authorization")):
            return web.json_response({"type": "error", "error": {"type": "authentication_error"}}, status=401)
        return await self._handle(request, wire.AnthropicDialect())

    async def _vertex_claude(self, request: web.Request) -> web.StreamResponse:
        model, _, _ = request.match_info["call"].partition(":")
        return await self._handle(request, wire.AnthropicDialect(), model)

    async def _bedrock(self, request: web.Request) -> web.StreamResponse:
        stream = request.match_info["call"] == "invoke-with-response-stream"
        return await self._handle(request, wire.BedrockDialect(), request.match_info["model"], stream)

    async def _openai(self, request: web.Request) -> web.StreamResponse:
        return await self._handle(request, wire.OpenAIDialect(), request.match_info.get("model"))

    async def _gemini(self, request: web.Request) -> web.StreamResponse:
        model, _, verb = request.match_info["call"].partition(":")
        return await self._handle(request, wire.GeminiDialect(), model, verb == "streamGenerateContent")

    async def _handle(
        self, request: web.Request, dialect: wire.Dialect, model: str | None = None, stream: bool | None = None
    ) -> web.StreamResponse:
        stats = self.stats
        stats.requests += 1
        stats.in_flight += 1
        stats.max_in_flight = max(stats.max_in_flight, stats.in_flight)
        try:
            response = await self._answer(request, dialect, model, stream)
        except (asyncio.CancelledError, ConnectionError):
            stats.closed_by_client += 1
            raise
        else:
            stats.by_status[response.status] += 1
            return response
        finally:
            stats.in_flight -= 1

    async def _answer(
        self, request: web.Request, dialect: wire.Dialect, model: str | None, stream: bool | None
    ) -> web.StreamResponse:
        body = await request.json()
        try:
            ask = dialect.read(body, model, stream)
        except (ValueError, KeyError) as error:
            return _error(dialect, 400, "invalid_request_error", str(error))
        behaviour = self._behaviour(ask)
        self.stats.by_model[ask.model] += 1
        if self._keep:
            headers = {name.lower(): value for name, value in request.headers.items()}
            self.seen.append(Seen(request.path, ask.model, headers, body, behaviour, time.monotonic()))
        kind, _, value = behaviour.partition("=")

        refusal = _refusal(dialect, kind, value, body)
        if refusal is not None:
            return refusal
        wait = self._buckets.take(ask) if self._buckets else 0.0
        if wait > 0:
            self.stats.throttled += 1
            return _error(dialect, 429, "rate_limit_error", "rate limit exceeded", wait, headers=self._headers(dialect))
        await asyncio.sleep(self._time(kind, value))

        headers = self._headers(dialect)
        if kind == "hang":
            await asyncio.Event().wait()
        if kind in ("broken-json", "empty-object"):
            text = "{}" if kind == "empty-object" else '{"id": "x", "content": [{'
            return web.Response(text=text, content_type="application/json", headers=headers)
        if isinstance(dialect, wire.OpenAIDialect | wire.GeminiDialect) and ask.texts:
            form = body.get("encoding_format", "") or request.path.partition(":")[2]
            payload = dialect.embeddings(ask, form)
            return await self._send(request, json.dumps(payload).encode(), headers, kind)
        told = self._told(ask, kind)
        if ask.stream:
            return await self._send_stream(request, dialect, told, headers, kind)
        return await self._send(request, json.dumps(dialect.answer(told)).encode(), headers, kind, told)

    def _behaviour(self, ask: wire.Ask) -> str:
        marker = _MARKER.search(ask.prompt)
        if marker:
            kind, _, times = marker[1].partition("*")
            self._marked[ask.prompt] += 1
            if not times or self._marked[ask.prompt] <= int(times):
                return kind
            return "ok"
        if self._queue:
            kind, _, times = self._queue.popleft().partition("*")
            self._queue.extendleft([kind] * (int(times or 1) - 1))
            return kind
        return self.by_model.get(ask.model, self.default)

    def _time(self, kind: str, value: str) -> float:
        if kind == "slow":
            return float(value)
        return next(self._times) if self._times else 0.0

    def _told(self, ask: wire.Ask, kind: str) -> wire.Told:
        said = {"prose": "I would rather talk about it.", "empty": ""}
        text = said[kind] if kind in said else wire.answer_text(ask)
        cut = kind == "cut" or wire.count_tokens(text) > ask.max_tokens
        if cut:
            text = text[: max(1, min(len(text) // 2, int(ask.max_tokens * wire.CHARS_PER_TOKEN)))]
        refused = kind == "refuse"
        pieces = () if refused else tuple(re.findall(r"\S+\s*", text))
        output = wire.count_tokens(text)
        if self._buckets:
            self._buckets.spend_output(output)
        return wire.Told(
            text=text,
            model=ask.model,
            input_tokens=ask.input_tokens,
            output_tokens=output,
            cached_tokens=min(self.cached_tokens, ask.input_tokens),
            cut=cut,
            refused=refused,
            pieces=pieces,
        )

    async def _send(
        self, request: web.Request, payload: bytes, headers: dict[str, str], kind: str, told: wire.Told | None = None
    ) -> web.StreamResponse:
        if kind != "drop":
            self._count(told)
            return web.Response(body=payload, content_type="application/json", headers=headers)
        response = web.StreamResponse(headers=headers | {"Content-Length": str(len(payload))})
        response.content_type = "application/json"
        await response.prepare(request)
        await response.write(payload[: len(payload) // 2])
        _break(request)
        return response

    async def _send_stream(
        self, request: web.Request, dialect: wire.Dialect, told: wire.Told, headers: dict[str, str], kind: str
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers=headers)
        response.content_type = dialect.stream_type
        await response.prepare(request)
        for number, event in enumerate(dialect.events(told)):
            if number == 4 and kind.startswith("stream-"):
                if kind == "stream-hang":
                    await asyncio.Event().wait()
                if kind == "stream-error":
                    await response.write(dialect.error_event("overloaded_error", "Overloaded"))
                if kind == "stream-drop":
                    _break(request)
                return response
            await response.write(event)
            await asyncio.sleep(self.piece_delay_s)
        self._count(told)
        return response

    def _count(self, told: wire.Told | None) -> None:
        self.stats.answered += 1
        if told is not None:
            self.stats.input_tokens += told.input_tokens
            self.stats.output_tokens += told.output_tokens

    def _headers(self, dialect: wire.Dialect) -> dict[str, str]:
        return self._buckets.headers(dialect) if self._buckets else {}


def _refusal(dialect: wire.Dialect, kind: str, value: str, body: dict[str, Any]) -> web.Response | None:
    """The error response of ``kind``, if it is one."""
    if kind == "too-long":
        return _error(dialect, 400, "invalid_request_error", "prompt is too long: 250000 tokens > 200000 maximum")
    if kind == "no-credit":
        return _error(dialect, 429, "insufficient_quota", "You exceeded your current quota, please check your plan")
    if kind == "bad-param":
        given = value in body or value in body.get("generationConfig", {})
        return _error(dialect, 400, "invalid_request_error", f"{value}: not supported by this model") if given else None
    if kind == "html":
        return web.Response(status=502, text="<html><h1>Bad Gateway</h1></html>", content_type="text/html")
    if kind.isdigit() and int(kind) >= 400:
        words = {429: "rate_limit_error", 529: "overloaded_error", 401: "authentication_error", 404: "not_found_error"}
        word = words.get(int(kind), "api_error" if int(kind) >= 500 else "invalid_request_error")
        return _error(dialect, int(kind), word, f"asked to answer {kind}", float(value) if value else None)
    return None


def _error(
    dialect: wire.Dialect,
    status: int,
    word: str,
    message: str,
    retry_after_s: float | None = None,
    *,
    headers: dict[str, str] | None = None,
) -> web.Response:
    headers = dict(headers or {})
    if retry_after_s is not None and not isinstance(dialect, wire.GeminiDialect):
        headers["Retry-After"] = f"{retry_after_s:.3f}"
    return web.json_response(dialect.error(status, word, message, retry_after_s), status=status, headers=headers)


def _break(request: web.Request) -> None:
    """Reset the connection under a response that is not finished."""
    if request.transport is not None:
        request.transport.abort()


async def _serve(arguments: argparse.Namespace) -> None:
    quota = Quota(arguments.requests, arguments.input_tokens, arguments.output_tokens, arguments.burst)
    limited = any((quota.requests, quota.input_tokens, quota.output_tokens))
    latency = Latency(arguments.latency_mean, arguments.latency_sigma) if arguments.latency_mean else None
    server = ProviderServer(port=arguments.port, quota=quota if limited else None, latency=latency, keep=False)
    server.default = arguments.default
    async with server:
        print(server.url, flush=True)
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description="A local server that speaks the model providers' wire formats.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one; the address is printed")
    parser.add_argument("--requests", type=float, help="quota: requests a minute")
    parser.add_argument("--input-tokens", type=float, help="quota: input tokens a minute")
    parser.add_argument("--output-tokens", type=float, help="quota: output tokens a minute")
    parser.add_argument("--burst", type=float, default=60.0, help="seconds' worth that each quota holds")
    parser.add_argument("--latency-mean", type=float, help="mean seconds of the log-normal time to answer")
    parser.add_argument("--latency-sigma", type=float, default=0.5)
    parser.add_argument("--default", default="ok", help="behaviour of every request, such as 500 or slow=1")
    try:
        asyncio.run(_serve(parser.parse_args()))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
