"""OpenAI and Azure OpenAI models: the ``openai`` SDK on aiohttp, chat completions and embeddings.

The SDK itself rather than ``pydantic-ai-slim``, which stands on it: only the SDK shows the headers of a *successful*
response, from which the limiter learns the quota before the first 429; it is imported in a third of the time
(1.1 s against 3.4 s) and one layer fewer stands between a cancelled task and its connection. Chat completions rather
than the Responses API, because Azure and every compatible server (vLLM, llama.cpp, gateways) speak it too: give
``base_url``. The SDK's own retries are off.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any

import aiohttp
import httpx2
import openai

from shared_agent.errors import ModelError
from shared_agent.models import azure_identity, failures, schemas
from shared_agent.models.accepts import Accepts
from shared_agent.models.opening import Opening, require_key, require_setting
from shared_agent.models.options import Options, parse
from shared_agent.models.prompts import Prompt
from shared_agent.models.provider import Completion, Provider, reading, tracing_headers
from shared_agent.models.types import Model, Request

_AZURE_API_VERSION = "2024-10-21"
_NO_SAMPLING = re.compile(r"^(?:o\d|gpt-[5-9])")
_FINISH = {"stop": "stop", "length": "length"}
_KEEPALIVE_S = 30.0


class OpenAI(Provider):
    """A model of OpenAI, of Azure OpenAI or of a compatible server. Built by the functions below."""

    embed_batch = 2048

    def __init__(
        self,
        opening: Opening,
        options: Options,
        client: openai.AsyncOpenAI,
        *,
        close: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        accepts = Accepts(options, temperature=not _NO_SAMPLING.search(opening.model), structured_output=True)
        super().__init__(opening, options, accepts)
        self._client = client
        self._close = close

    async def aclose(self) -> None:
        await self._client.close()
        if self._close is not None:
            await self._close()

    async def _call(self, prompt: Prompt, request: Request) -> Completion:
        raw = await self._client.chat.completions.with_raw_response.create(**self._body(prompt, request))
        answer = raw.parse()
        with reading():
            choice = answer.choices[0]
            if choice.message.refusal:
                raise failures.refused(choice.message.refusal)
            return _completion(choice.message.content or "", choice.finish_reason, answer.usage, raw.headers)

    async def _stream(self, prompt: Prompt, request: Request) -> AsyncGenerator[str | Completion, None]:
        text: list[str] = []
        refusal: list[str] = []
        finish: str | None = None
        usage: Any = None
        body = self._body(prompt, request)
        async with await self._client.chat.completions.create(
            **body, stream=True, stream_options={"include_usage": True}
        ) as chunks:
            async for chunk in chunks:
                usage = chunk.usage or usage
                for choice in chunk.choices:
                    finish = choice.finish_reason or finish
                    refusal.append(choice.delta.refusal or "")
                    if choice.delta.content:
                        text.append(choice.delta.content)
                        yield choice.delta.content
            headers = chunks.response.headers
        if any(refusal):
            raise failures.refused("".join(refusal))
        if finish is not None and usage is not None:
            with reading():
                done = _completion("".join(text), finish, usage, headers)
            yield done

    async def _embed(self, texts: list[str]) -> tuple[Sequence[Sequence[float]], int | None]:
        answer = await self._client.embeddings.create(model=self._model, input=texts)
        with reading():
            ordered = sorted(answer.data, key=lambda item: item.index)
            return [item.embedding for item in ordered], answer.usage.prompt_tokens

    def _body(self, prompt: Prompt, request: Request) -> dict[str, Any]:
        messages = [{"role": "user", "content": prompt.user}]
        if prompt.system:
            messages.insert(0, {"role": "system", "content": prompt.system})
        body: dict[str, Any] = {
            "model": self._model,
            "messages": messages,
            "max_completion_tokens": request.max_output_tokens,
            "extra_headers": tracing_headers(request),
            "extra_body": dict(self._options.extra_body),
        }
        if self._accepts.temperature:
            body["temperature"] = request.temperature
        if prompt.schema is not None and self._accepts.structured_output:
            body["response_format"] = _response_format(prompt.schema)
        return body

    def _failure(self, error: Exception) -> ModelError | None:
        match error:
            case openai.APIStatusError():
                return failures.from_response(
                    error.status_code,
                    error.message,
                    word=error.code or error.type or "",
                    headers=error.response.headers,
                )
            case openai.APIConnectionError():
                return failures.disconnected(error.__cause__ or error)
            case openai.APIResponseValidationError():
                return failures.unreadable(error.message)
            case openai.APIError():
                return failures.from_response(200, error.message, word=error.code or error.type or "")
            case httpx2.HTTPError() | aiohttp.ClientError():
                return failures.disconnected(error)
            case _:
                return None


def direct(opening: Opening) -> Model:
    """``openai:MODEL``: OpenAI, or with ``base_url`` any server that speaks its chat completions."""
    options = parse(opening.options)
    key = require_key(opening, "OPENAI_API_KEY")
    client = openai.AsyncOpenAI(api_key=key, base_url=opening.base_url, **_common(options))
    return OpenAI(opening, options, client)


def azure(opening: Opening) -> Model:
    """``azure-openai:DEPLOYMENT``. An API key, or the machine's Azure identity with ``options={"identity": True}``.

    A deployment that is not named after its model needs its price in ``options["prices"]``.
    """
    options = parse(opening.options)
    address = opening.base_url or os.environ.get("AZURE_OPENAI_ENDPOINT")
    if address is None:
        resource = require_setting(opening, options.resource, "resource", "AZURE_OPENAI_RESOURCE")
        address = f"https://{resource}.openai.azure.com"
    version = options.api_version or os.environ.get("OPENAI_API_VERSION") or _AZURE_API_VERSION
    common: dict[str, Any] = {"azure_endpoint": address, "api_version": version, **_common(options)}
    if options.identity:
        provider, close = azure_identity.token_provider(opening, azure_identity.OPENAI_SCOPE)
        return OpenAI(
            opening, options, openai.AsyncAzureOpenAI(azure_ad_token_provider=provider, **common), close=close
        )
    key = require_key(opening, "AZURE_OPENAI_API_KEY", alternative="options={'identity': True}")
    return OpenAI(opening, options, openai.AsyncAzureOpenAI(api_key=key, **common))


def _common(options: Options) -> dict[str, Any]:
    # As in anthropic.py: the caller bounds time, and 0 connections means no bound of the pool's own.
    limits = httpx2.Limits(max_connections=options.max_connections, keepalive_expiry=_KEEPALIVE_S)
    return {
        "max_retries": 0,
        "timeout": httpx2.Timeout(None, connect=15.0),
        "http_client": openai.DefaultAioHttpClient(limits=limits),
    }


def _response_format(schema: dict[str, Any]) -> dict[str, Any]:
    strict = schemas.strict(schema)
    return {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": strict or schema, "strict": strict is not None},
    }


def _completion(text: str, finish: str, usage: Any, headers: Any) -> Completion:
    if finish == "content_filter":
        raise failures.refused(text or "content_filter")
    details = usage.prompt_tokens_details
    return Completion(
        text=text,
        finish=_FINISH.get(finish, finish),
        input_tokens=int(usage.prompt_tokens),
        output_tokens=int(usage.completion_tokens),
        cached_input_tokens=(details.cached_tokens or 0) if details is not None else 0,
        headers=headers,
    )
