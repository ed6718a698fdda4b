"""Claude, from Anthropic and through Bedrock, Vertex AI and Foundry: the ``anthropic`` SDK on aiohttp.

The SDK signs requests, finds credentials and decodes streams for all four; its aiohttp transport costs half the CPU
of its default one. Its own retries are off: they obey any ``retry-after`` however long, in a worker that may be billed
by the second. Its OpenTelemetry spans are off too, for a request carries the caller's ``traceparent``.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

import aiohttp
import anthropic
import httpx2

from shared_agent.errors import ModelError, Permanent, Transient
from shared_agent.models import azure_identity, failures
from shared_agent.models.accepts import Accepts
from shared_agent.models.opening import Opening, require_key, require_module, require_setting
from shared_agent.models.options import Options, parse
from shared_agent.models.prompts import Prompt
from shared_agent.models.provider import Completion, Provider, reading, tracing_headers
from shared_agent.models.types import Model, Request

if TYPE_CHECKING:
    from anthropic.lib.bedrock import AsyncAnthropicBedrock
    from anthropic.lib.vertex import AsyncAnthropicVertex

    Client = anthropic.AsyncAnthropic | AsyncAnthropicBedrock | AsyncAnthropicVertex | anthropic.AsyncAnthropicFoundry

_NO_SAMPLING = re.compile(r"claude-(?:fable-5|mythos-5|opus-4-[78]|opus-5|sonnet-5|haiku-5-5)")
_NO_STRUCTURED = re.compile(r"claude-(?:instant|[123]|v[123]|(?:sonnet|opus)-4(?:-0|-20|@|$))")
_FINISH = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length"}
_KEEPALIVE_S = 30.0


class Anthropic(Provider):
    """A Claude model. Built by the functions below."""

    def __init__(
        self,
        opening: Opening,
        options: Options,
        client: Client,
        *,
        close: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        accepts = Accepts(
            options,
            temperature=not _NO_SAMPLING.search(opening.model),
            structured_output=not _NO_STRUCTURED.search(opening.model),
        )
        super().__init__(opening, options, accepts)
        self._client = client
        self._close = close

    async def aclose(self) -> None:
        await self._client.close()
        if self._close is not None:
            await self._close()

    async def _call(self, prompt: Prompt, request: Request) -> Completion:
        raw = await self._client.messages.with_raw_response.create(**self._body(prompt, request))
        message = await raw.parse()
        with reading():
            return _completion(
                "".join(block.text for block in message.content if block.type == "text"),
                message.stop_reason,
                message.usage,
                message.usage.output_tokens,
                raw.headers,
            )

    async def _stream(self, prompt: Prompt, request: Request) -> AsyncGenerator[str | Completion, None]:
        text: list[str] = []
        start: Any = None
        end: Any = None
        async with await self._client.messages.create(**self._body(prompt, request), stream=True) as events:
            async for event in events:
                if event.type == "content_block_delta" and event.delta.type == "text_delta":
                    text.append(event.delta.text)
                    yield event.delta.text
                elif event.type == "message_start":
                    start = event.message
                elif event.type == "message_delta":
                    end = event
                elif event.type == "message_stop":
                    with reading():
                        done = _completion(
                            "".join(text),
                            end.delta.stop_reason,
                            start.usage,
                            end.usage.output_tokens,
                            events.response.headers,
                        )
                    yield done

    def _body(self, prompt: Prompt, request: Request) -> dict[str, Any]:
        # The SDK has no argument for temperature, for its newest models refuse it; older ones take it in the body.
        sampling = {"temperature": request.temperature} if self._accepts.temperature else {}
        body: dict[str, Any] = {
            "model": self._model,
            "max_tokens": request.max_output_tokens,
            "messages": [{"role": "user", "content": prompt.user}],
            "extra_headers": tracing_headers(request),
            "extra_body": sampling | dict(self._options.extra_body),
        }
        if prompt.system:
            body["system"] = prompt.system
        schema = _output_schema(prompt) if self._accepts.structured_output else None
        if schema is not None:
            body["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
        return body

    def _failure(self, error: Exception) -> ModelError | None:
        match error:
            case anthropic.APIStatusError():
                return failures.from_response(
                    error.status_code,
                    error.api_message or error.message,
                    word=str(error.type or ""),
                    headers=error.response.headers,
                )
            case anthropic.APIResponseValidationError():
                return failures.unreadable(error.message)
            case anthropic.APIConnectionError():
                return failures.disconnected(error.__cause__ or error)
            case httpx2.HTTPError() | aiohttp.ClientError():
                return failures.disconnected(error)
            case _:
                return _credential_failure(error)


def direct(opening: Opening) -> Model:
    """``anthropic:MODEL``."""
    options = parse(opening.options)
    token = None if opening.api_key else os.environ.get("ANTHROPIC_AUTH_TOKEN")
    key = None if token else require_key(opening, "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
    client = anthropic.AsyncAnthropic(api_key=key, auth_token=token, base_url=opening.base_url, **_common(options))
    return Anthropic(opening, options, client)


def bedrock(opening: Opening) -> Model:
    """``anthropic-bedrock:MODEL``, where MODEL is a Bedrock model or inference profile id.

    Credentials come from the AWS default chain; ``api_key`` is a Bedrock API key (AWS_BEARER_TOKEN_BEDROCK).
    """
    options = parse(opening.options)
    require_module(opening, "boto3", "aws")
    from anthropic.lib.bedrock import AsyncAnthropicBedrock

    region = require_setting(opening, options.region, "region", "AWS_REGION", "AWS_DEFAULT_REGION")
    client = AsyncAnthropicBedrock(
        api_key=opening.api_key, aws_region=region, base_url=opening.base_url, **_common(options)
    )
    return Anthropic(opening, options, client)


def vertex(opening: Opening) -> Model:
    """``anthropic-vertex:MODEL``. Google's default credentials, or an access token as ``api_key``."""
    options = parse(opening.options)
    require_module(opening, "google.auth", "gcp")
    from anthropic.lib.vertex import AsyncAnthropicVertex

    region = require_setting(opening, options.region, "region", "CLOUD_ML_REGION")
    project = require_setting(
        opening, options.project, "project", "ANTHROPIC_VERTEX_PROJECT_ID", "GOOGLE_CLOUD_PROJECT"
    )
    client = AsyncAnthropicVertex(
        region=region,
        project_id=project,
        access_token=opening.api_key,
        base_url=opening.base_url,
        **_common(options),
    )
    return Anthropic(opening, options, client)


def foundry(opening: Opening) -> Model:
    """``anthropic-foundry:MODEL``. An API key, or the machine's Azure identity with ``options={"identity": True}``."""
    options = parse(opening.options)
    address = opening.base_url or os.environ.get("ANTHROPIC_FOUNDRY_BASE_URL")
    if address is None:
        resource = require_setting(opening, options.resource, "resource", "ANTHROPIC_FOUNDRY_RESOURCE")
        address = f"https://{resource}.services.ai.azure.com/anthropic/"
    if options.identity:
        provider, close = azure_identity.token_provider(opening, azure_identity.FOUNDRY_SCOPE)
        client = anthropic.AsyncAnthropicFoundry(azure_ad_token_provider=provider, base_url=address, **_common(options))
        return Anthropic(opening, options, client, close=close)
    key = require_key(opening, "ANTHROPIC_FOUNDRY_API_KEY", alternative="options={'identity': True}")
    client = anthropic.AsyncAnthropicFoundry(api_key=key, base_url=address, **_common(options))
    return Anthropic(opening, options, client)


def _common(options: Options) -> dict[str, Any]:
    # Time limits are the caller's (asyncio.timeout): the SDK would refuse long calls and stop slow ones by its own.
    # A limit of 0 connections means none to aiohttp; None would mean its default of 100.
    limits = httpx2.Limits(max_connections=options.max_connections, keepalive_expiry=_KEEPALIVE_S)
    return {
        "max_retries": 0,
        "timeout": httpx2.Timeout(None, connect=15.0),
        "http_client": anthropic.DefaultAioHttpClient(limits=limits),
        "open_telemetry": False,
    }


def _output_schema(prompt: Prompt) -> dict[str, Any] | None:
    if prompt.schema is None:
        return None
    try:
        return anthropic.transform_schema(prompt.schema)
    except (ValueError, TypeError, AttributeError):
        return None


def _completion(text: str, stop_reason: str | None, usage: Any, output_tokens: int, headers: Any) -> Completion:
    if stop_reason == "refusal":
        raise failures.refused(text or "stop_reason is refusal")
    cached = usage.cache_read_input_tokens or 0
    written = usage.cache_creation_input_tokens or 0
    return Completion(
        text=text,
        finish=_FINISH.get(stop_reason or "", stop_reason or "stop"),
        input_tokens=usage.input_tokens + cached + written,
        output_tokens=int(output_tokens),
        cached_input_tokens=cached,
        cache_write_tokens=written,
        headers=headers,
    )


def _credential_failure(error: Exception) -> ModelError | None:
    """Bedrock, Vertex and Foundry look for credentials at the first call; tell what was not found."""
    module = type(error).__module__.partition(".")[0]
    if isinstance(error, RuntimeError) and "credentials" in str(error).lower():
        return Permanent(str(error), code="credentials", remedy="set the cloud's credentials for this process")
    if module in ("botocore", "google", "azure"):
        if "Transport" in type(error).__name__:
            return Transient(str(error), code="credentials")
        return Permanent(str(error), code="credentials", remedy="set the cloud's credentials for this process")
    return None
