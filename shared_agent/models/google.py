"""Gemini models, through the Gemini API and through Vertex AI: the ``google-genai`` SDK, which runs on aiohttp.

The SDK itself rather than ``pydantic-ai-slim``, which stands on it: see ``openai.py`` for why. Left to itself the SDK
sends a request once more, 1 to 9 seconds later, when the connection breaks; stating ``attempts=1`` turns that off.
A stream of its that is left early keeps its connection until the garbage collector comes by; therefore the session is
ours, and tells us the response to close.
Google states the wait after a 429 in the body (``RetryInfo``), and no quota headers at all. The Gemini API does not
count the tokens of an embedding: they are estimated.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextvars import ContextVar
from functools import cached_property
from typing import Any, cast

import aiohttp
from google import genai
from google.auth import exceptions as auth_errors
from google.genai import errors, types

from shared_agent.errors import ModelError, Permanent, Transient
from shared_agent.models import failures, quotas
from shared_agent.models.accepts import Accepts
from shared_agent.models.opening import Opening, require_key, require_setting
from shared_agent.models.options import Options, parse
from shared_agent.models.prompts import Prompt
from shared_agent.models.provider import Completion, Provider, reading, tracing_headers
from shared_agent.models.types import Model, Request

_FINISH = {"STOP": "stop", "MAX_TOKENS": "length"}
_KEEPALIVE_S = 30.0
_LONGEST_LINE = 2**22
"""Bytes of the longest event that is read, as in the SDK's own session."""
_REFUSALS = frozenset({"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"})


_responses: ContextVar[list[aiohttp.ClientResponse] | None] = ContextVar("responses", default=None)
"""Where the response of the request being sent is noted."""


class Google(Provider):
    """A Gemini model. Built by the functions below."""

    def __init__(self, opening: Opening, options: Options, **client: Any) -> None:
        super().__init__(opening, options, Accepts(options, temperature=True, structured_output=True))
        self._base_url = opening.base_url
        self._client_arguments = client
        self._session: aiohttp.ClientSession | None = None
        # Vertex AI embeds one text a request with its Gemini models, many with the older ones.
        if opening.provider == "google-vertex" and "gemini" in opening.model:
            self.embed_batch = 1

    @cached_property
    def _client(self) -> genai.Client:
        """Made at the first call, for a session belongs to the event loop it was made in."""
        connector = aiohttp.TCPConnector(limit=self._options.max_connections, keepalive_timeout=_KEEPALIVE_S)
        tracing = aiohttp.TraceConfig()
        tracing.on_request_end.append(_note_response)
        self._session = aiohttp.ClientSession(
            connector=connector, trace_configs=[tracing], trust_env=True, read_bufsize=_LONGEST_LINE
        )
        http_options = _http_options(self._base_url, self._options, self._session)
        return genai.Client(**self._client_arguments, http_options=http_options)

    async def aclose(self) -> None:
        if self._session is not None:
            self._client.close()
            await self._session.close()

    async def _call(self, prompt: Prompt, request: Request) -> Completion:
        answer = await self._client.aio.models.generate_content(
            model=self._model, contents=prompt.user, config=self._config(prompt, request)
        )
        with reading():
            return _completion(_text(answer), answer)

    async def _stream(self, prompt: Prompt, request: Request) -> AsyncGenerator[str | Completion, None]:
        text: list[str] = []
        last: types.GenerateContentResponse | None = None
        responses: list[aiohttp.ClientResponse] = []
        chunks: AsyncIterator[types.GenerateContentResponse] = await self._client.aio.models.generate_content_stream(
            model=self._model, contents=prompt.user, config=self._config(prompt, request)
        )
        try:
            # The request itself is sent by the first step.
            while (chunk := await _step(chunks, responses)) is not None:
                with reading():
                    piece = _text(chunk)
                text.append(piece)
                if chunk.prompt_feedback is not None or (chunk.candidates and chunk.candidates[0].finish_reason):
                    last = chunk
                yield piece
        finally:
            for response in responses:
                response.close()
        if last is not None:
            with reading():
                done = _completion("".join(text), last)
            yield done

    async def _embed(self, texts: list[str]) -> tuple[Sequence[Sequence[float]], int | None]:
        # As plain strings, some models would take the texts for parts of one content and answer with one vector.
        contents = [types.Content(parts=[types.Part(text=text)]) for text in texts]
        answer = await self._client.aio.models.embed_content(model=self._model, contents=cast("Any", contents))
        with reading():
            vectors = [embedding.values or [] for embedding in answer.embeddings or []]
            counted = [embedding.statistics for embedding in answer.embeddings or []]
            tokens = [statistics.token_count for statistics in counted if statistics is not None]
            known = [int(count) for count in tokens if count is not None]
            return vectors, sum(known) if len(known) == len(vectors) else None

    def _config(self, prompt: Prompt, request: Request) -> types.GenerateContentConfig:
        config = types.GenerateContentConfig(
            max_output_tokens=request.max_output_tokens,
            http_options=types.HttpOptions(
                headers=tracing_headers(request), extra_body=dict(self._options.extra_body) or None
            ),
        )
        if prompt.system:
            config.system_instruction = prompt.system
        if self._accepts.temperature:
            config.temperature = request.temperature
        if prompt.schema is not None:
            config.response_mime_type = "application/json"
            if self._accepts.structured_output:
                config.response_json_schema = prompt.schema
        return config

    def _failure(self, error: Exception) -> ModelError | None:
        match error:
            case errors.APIError():
                headers = {key.lower(): value for key, value in getattr(error.response, "headers", {}).items()}
                return failures.from_response(
                    error.code or 200,
                    error.message or str(error),
                    word=error.status or "",
                    headers=headers,
                    retry_after_s=_retry_info(error.details),
                )
            case errors.UnknownApiResponseError():
                return failures.unreadable(str(error))
            case aiohttp.ClientError():
                return failures.disconnected(error)
            case auth_errors.TransportError():
                return Transient(str(error), code="credentials")
            case auth_errors.GoogleAuthError():
                return Permanent(str(error), code="credentials", remedy="set Google Cloud credentials for this process")
            case _:
                return None


def direct(opening: Opening) -> Model:
    """``google:MODEL``: the Gemini API."""
    options = parse(opening.options)
    key = require_key(opening, "GEMINI_API_KEY", "GOOGLE_API_KEY")
    return Google(opening, options, vertexai=False, api_key=key)


def vertex(opening: Opening) -> Model:
    """``google-vertex:MODEL``: Google's default credentials and a project, or an express-mode key as ``api_key``."""
    options = parse(opening.options)
    if opening.api_key:
        return Google(opening, options, vertexai=True, api_key=opening.api_key)
    project = require_setting(opening, options.project, "project", "GOOGLE_CLOUD_PROJECT")
    region = options.region or os.environ.get("GOOGLE_CLOUD_LOCATION") or "global"
    return Google(opening, options, vertexai=True, project=project, location=region)


def _http_options(base_url: str | None, options: Options, session: aiohttp.ClientSession) -> types.HttpOptions:
    http_options = types.HttpOptions(
        base_url=base_url, retry_options=types.HttpRetryOptions(attempts=1), aiohttp_client=session
    )
    if options.api_version:
        http_options.api_version = options.api_version
    return http_options


async def _step(
    chunks: AsyncIterator[types.GenerateContentResponse], responses: list[aiohttp.ClientResponse]
) -> types.GenerateContentResponse | None:
    """The next chunk or None at the end; the response to a request sent meanwhile is added to ``responses``."""
    token = _responses.set(responses)
    try:
        return await anext(chunks, None)
    finally:
        _responses.reset(token)


async def _note_response(_session: Any, _context: Any, done: aiohttp.TraceRequestEndParams) -> None:
    responses = _responses.get()
    if responses is not None:
        responses.append(done.response)


def _text(answer: types.GenerateContentResponse) -> str:
    if not answer.candidates or answer.candidates[0].content is None:
        return ""
    parts = answer.candidates[0].content.parts or []
    return "".join(part.text for part in parts if part.text and not part.thought)


def _completion(text: str, answer: types.GenerateContentResponse) -> Completion:
    blocked = answer.prompt_feedback.block_reason if answer.prompt_feedback is not None else None
    if blocked is not None:
        raise failures.refused(str(blocked.value))
    reason = (answer.candidates or [])[0].finish_reason
    finish = "" if reason is None else str(reason.value)
    if finish in _REFUSALS:
        raise failures.refused(finish)
    usage = answer.usage_metadata
    if usage is None or usage.prompt_token_count is None:
        raise failures.unreadable("no usageMetadata")
    # Thoughts are billed as output.
    output = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    http = answer.sdk_http_response
    headers = http.headers if http is not None else None
    return Completion(
        text=text,
        finish=_FINISH.get(finish, finish or "stop"),
        input_tokens=usage.prompt_token_count + (usage.tool_use_prompt_token_count or 0),
        output_tokens=output,
        cached_input_tokens=usage.cached_content_token_count or 0,
        headers={key.lower(): value for key, value in (headers or {}).items()},
    )


def _retry_info(details: Any) -> float | None:
    """Seconds in the ``RetryInfo`` of an error body, such as ``{"retryDelay": "37s"}``."""
    try:
        entries = details["error"]["details"]
    except (KeyError, TypeError):
        return None
    for entry in entries:
        delay = quotas.duration_s(entry.get("retryDelay"))
        if delay is not None:
            return quotas.bounded_wait(delay)
    return None
