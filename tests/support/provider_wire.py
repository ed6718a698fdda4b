"""The wire formats of the fake provider server: how each API is asked, answered, streamed and refused.

A dialect knows nothing of behaviours, quotas or time; :mod:`tests.support.provider_server` decides *what* to answer
and a dialect says *how*. The answer is derived from the request, so different inputs give different answers:

- prose: ``In short: `` and the first words of the request's document (the text between document tags if there are any,
  else the whole prompt);
- JSON, where the request states a schema: an instance of that schema, its strings taken from the document, its enums
  chosen by which value the document names most often.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

CHARS_PER_TOKEN = 4.2
EMBEDDING_SIZE = 64
_DOCUMENT = re.compile(r"<document[^>]*>\n(.*?)\n</document", re.DOTALL)
_SCHEMA_IN_PROMPT = re.compile(r"JSON Schema: (\{.*\})\s*$", re.DOTALL)


@dataclass(frozen=True)
class Ask:
    """What a request asked for, whatever its dialect."""

    model: str
    prompt: str
    system: str = ""
    schema: dict[str, Any] | None = None
    stream: bool = False
    max_tokens: int = 1024
    temperature: float | None = None
    texts: tuple[str, ...] = ()

    @property
    def input_tokens(self) -> int:
        return count_tokens(self.system + self.prompt) if not self.texts else sum(map(count_tokens, self.texts))

    @property
    def output_limit(self) -> int:
        return 0 if self.texts else self.max_tokens


@dataclass(frozen=True)
class Told:
    """What is answered. ``cut``: the answer stopped at the cap. ``refused``: the model declined."""

    text: str
    model: str
    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    cut: bool = False
    refused: bool = False
    pieces: tuple[str, ...] = field(default=())


def count_tokens(text: str) -> int:
    return max(1, round(len(text) / CHARS_PER_TOKEN)) if text else 0


def answer_text(ask: Ask) -> str:
    """The answer to ``ask``: prose, or JSON where a schema is asked for."""
    documents = _DOCUMENT.findall(ask.prompt) or [ask.prompt]
    schema = ask.schema
    if schema is None and (stated := _SCHEMA_IN_PROMPT.search(ask.prompt)):
        schema = json.loads(stated[1])
    if schema is not None:
        return json.dumps(instance(schema, "\n".join(documents)))
    return "In short: " + " ".join(
        words for text in documents for words in text.split()[: max(2, 30 // len(documents))]
    )


def instance(schema: dict[str, Any], document: str, path: str = "") -> Any:
    """A value that satisfies ``schema``, made from ``document``."""
    if "enum" in schema:
        counts = [document.lower().count(str(value).lower()) for value in schema["enum"]]
        best = max(counts)
        return schema["enum"][counts.index(best) if best else _number(document + path) % len(counts)]
    if "anyOf" in schema:
        return instance(schema["anyOf"][0], document, path)
    kind = schema.get("type", "object")
    words = re.findall(r"\w+", document)
    match kind:
        case "object":
            fields = schema.get("properties", {})
            return {name: instance(part, document, f"{path}.{name}") for name, part in fields.items()}
        case "array":
            return [instance(schema.get("items", {"type": "string"}), document, path)]
        case "string":
            return " ".join(words[:8]) or "nothing"
        case "boolean":
            return True
        case "integer":
            return _number(document + path) % 100
        case "number":
            return round((_number(document + path) % 1000) / 1000, 3)
        case _:
            return None


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:6])


def embedding(text: str) -> list[float]:
    """A vector that depends on the words of ``text``; deliberately not of unit length."""
    vector = [0.0] * EMBEDDING_SIZE
    for word in re.findall(r"\w+", text.lower()):
        digest = hashlib.sha256(word.encode()).digest()
        vector[digest[0] % EMBEDDING_SIZE] += 1.0 if digest[1] % 2 else -1.0
    return vector if any(vector) else [1.0, *vector[1:]]


def sse(data: dict[str, Any] | str, event: str = "") -> bytes:
    body = data if isinstance(data, str) else json.dumps(data)
    return (f"event: {event}\n" if event else "").encode() + f"data: {body}\n\n".encode()


class AnthropicDialect:
    """Anthropic Messages; also as Vertex AI and Foundry carry it."""

    stream_type = "text/event-stream"
    quota_words = (("requests", "requests"), ("input_tokens", "input-tokens"), ("output_tokens", "output-tokens"))

    def read(self, body: dict[str, Any], model: str | None, stream: bool | None) -> Ask:
        if "max_tokens" not in body:
            raise ValueError("max_tokens: Field required")
        schema = body.get("output_config", {}).get("format", {}).get("schema")
        return Ask(
            model=model or body["model"],
            prompt="\n".join(message["content"] for message in body["messages"]),
            system=body.get("system", ""),
            schema=schema,
            stream=body.get("stream", False) if stream is None else stream,
            max_tokens=body["max_tokens"],
            temperature=body.get("temperature"),
        )

    def answer(self, told: Told) -> dict[str, Any]:
        return {
            "id": "msg_fake",
            "type": "message",
            "role": "assistant",
            "model": told.model,
            "content": [{"type": "text", "text": told.text}],
            "stop_reason": _anthropic_stop(told),
            "stop_sequence": None,
            "usage": self._usage(told) | {"output_tokens": told.output_tokens},
        }

    def _usage(self, told: Told) -> dict[str, Any]:
        return {
            "input_tokens": told.input_tokens - told.cached_tokens,
            "cache_read_input_tokens": told.cached_tokens,
            "cache_creation_input_tokens": 0,
            "output_tokens": 1,
        }

    def events(self, told: Told) -> Iterator[bytes]:
        for event in self._events(told):
            yield sse(event, event["type"])

    def _events(self, told: Told) -> Iterator[dict[str, Any]]:
        message = self.answer(told) | {"content": [], "stop_reason": None, "usage": self._usage(told)}
        yield {"type": "message_start", "message": message}
        yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        for piece in told.pieces:
            yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
        yield {"type": "content_block_stop", "index": 0}
        yield {
            "type": "message_delta",
            "delta": {"stop_reason": _anthropic_stop(told), "stop_sequence": None},
            "usage": {"output_tokens": told.output_tokens},
        }
        yield {"type": "message_stop"}

    def error(self, status: int, word: str, message: str, retry_after_s: float | None) -> dict[str, Any]:
        del status, retry_after_s
        return {"type": "error", "error": {"type": word, "message": message}}

    def error_event(self, word: str, message: str) -> bytes:
        return sse(self.error(529, word, message, None), "error")


class BedrockDialect(AnthropicDialect):
    """The same messages inside the AWS event stream encoding."""

    stream_type = "application/vnd.amazon.eventstream"
    quota_words = ()

    def events(self, told: Told) -> Iterator[bytes]:
        for event in self._events(told):
            payload = base64.b64encode(json.dumps(event).encode()).decode()
            yield _frame({":message-type": "event", ":event-type": "chunk"}, {"bytes": payload})

    def error_event(self, word: str, message: str) -> bytes:
        del word
        return _frame({":message-type": "exception", ":exception-type": "throttlingException"}, {"message": message})


class OpenAIDialect:
    """OpenAI chat completions and embeddings; also as Azure OpenAI carries them."""

    stream_type = "text/event-stream"
    quota_words = (("requests", "requests"), ("input_tokens", "tokens"))

    def read(self, body: dict[str, Any], model: str | None, stream: bool | None) -> Ask:
        del stream
        if "input" in body:
            texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
            return Ask(model=model or body["model"], prompt="", texts=tuple(texts))
        form = body.get("response_format", {}).get("json_schema", {})
        if form.get("strict"):
            _require_strict(form["schema"])
        return Ask(
            model=model or body["model"],
            prompt="\n".join(m["content"] for m in body["messages"] if m["role"] == "user"),
            system="\n".join(m["content"] for m in body["messages"] if m["role"] != "user"),
            schema=form.get("schema"),
            stream=body.get("stream", False),
            max_tokens=body.get("max_completion_tokens") or body.get("max_tokens") or 1024,
            temperature=body.get("temperature"),
        )

    def answer(self, told: Told) -> dict[str, Any]:
        message = {"role": "assistant", "content": None if told.refused else told.text}
        if told.refused:
            message["refusal"] = "I can't help with that."
        return {
            "id": "chatcmpl-fake",
            "object": "chat.completion",
            "created": 1,
            "model": told.model,
            "choices": [{"index": 0, "message": message, "finish_reason": "length" if told.cut else "stop"}],
            "usage": self._usage(told),
        }

    def _usage(self, told: Told) -> dict[str, Any]:
        return {
            "prompt_tokens": told.input_tokens,
            "completion_tokens": told.output_tokens,
            "total_tokens": told.input_tokens + told.output_tokens,
            "prompt_tokens_details": {"cached_tokens": told.cached_tokens},
        }

    def events(self, told: Told) -> Iterator[bytes]:
        base = {"id": "chatcmpl-fake", "object": "chat.completion.chunk", "created": 1, "model": told.model}
        for piece in told.pieces:
            yield sse(base | {"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]})
        if told.refused:
            yield sse(base | {"choices": [{"index": 0, "delta": {"refusal": "I can't."}, "finish_reason": None}]})
        finish = "length" if told.cut else "stop"
        yield sse(base | {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
        yield sse(base | {"choices": [], "usage": self._usage(told)})
        yield sse("[DONE]")

    def error(self, status: int, word: str, message: str, retry_after_s: float | None) -> dict[str, Any]:
        del retry_after_s
        kind = "invalid_request_error" if status == 400 else word
        return {"error": {"message": message, "type": kind, "code": word, "param": None}}

    def error_event(self, word: str, message: str) -> bytes:
        del word
        return sse(self.error(429, "rate_limit_exceeded", message, None))

    def embeddings(self, ask: Ask, form: str) -> dict[str, Any]:
        def encode(vector: list[float]) -> Any:
            return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode() if form == "base64" else vector

        data = [
            {"object": "embedding", "index": index, "embedding": encode(embedding(text))}
            for index, text in enumerate(ask.texts)
        ]
        usage = {"prompt_tokens": ask.input_tokens, "total_tokens": ask.input_tokens}
        return {"object": "list", "data": data, "model": ask.model, "usage": usage}


class GeminiDialect:
    """Gemini generateContent, streamGenerateContent and batchEmbedContents; also as Vertex AI carries them."""

    stream_type = "text/event-stream"
    quota_words = ()

    def read(self, body: dict[str, Any], model: str | None, stream: bool | None) -> Ask:
        texts = (
            [_gemini_text(item["content"]) for item in body.get("requests", ())]
            or [item["content"] for item in body.get("instances", ())]
            or ([_gemini_text(body["content"])] if "content" in body else [])
        )
        if texts:
            return Ask(model=model or "", prompt="", texts=tuple(texts))
        config = body.get("generationConfig", {})
        return Ask(
            model=model or "",
            prompt="\n".join(_gemini_text(content) for content in body["contents"]),
            system=_gemini_text(body.get("systemInstruction", {})),
            schema=config.get("responseJsonSchema"),
            stream=bool(stream),
            max_tokens=config.get("maxOutputTokens", 1024),
            temperature=config.get("temperature"),
        )

    def answer(self, told: Told) -> dict[str, Any]:
        return self._chunk(told, "" if told.refused else told.text, self._finish(told))

    def _finish(self, told: Told) -> str:
        return "SAFETY" if told.refused else "MAX_TOKENS" if told.cut else "STOP"

    def _chunk(self, told: Told, text: str, finish: str | None) -> dict[str, Any]:
        candidate: dict[str, Any] = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}
        if finish:
            candidate["finishReason"] = finish
        usage = {
            "promptTokenCount": told.input_tokens,
            "candidatesTokenCount": told.output_tokens,
            "totalTokenCount": told.input_tokens + told.output_tokens,
            "cachedContentTokenCount": told.cached_tokens,
        }
        return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": told.model}

    def events(self, told: Told) -> Iterator[bytes]:
        for piece in told.pieces:
            yield sse(self._chunk(told, piece, None))
        yield sse(self._chunk(told, "", self._finish(told)))

    def error(self, status: int, word: str, message: str, retry_after_s: float | None) -> dict[str, Any]:
        error: dict[str, Any] = {"code": status, "message": message, "status": word.upper()}
        if retry_after_s is not None:
            kind = "type.googleapis.com/google.rpc.RetryInfo"
            error["details"] = [{"@type": kind, "retryDelay": f"{retry_after_s:g}s"}]
        return {"error": error}

    def error_event(self, word: str, message: str) -> bytes:
        return sse(self.error(429, word, message, None))

    def embeddings(self, ask: Ask, verb: str) -> dict[str, Any]:
        if verb == "embedContent":
            return {"embedding": {"values": embedding(ask.texts[0])}}
        if verb == "predict":
            return {"predictions": [{"embeddings": self._counted(text)} for text in ask.texts]}
        return {"embeddings": [{"values": embedding(text)} for text in ask.texts]}

    def _counted(self, text: str) -> dict[str, Any]:
        return {"values": embedding(text), "statistics": {"token_count": count_tokens(text), "truncated": False}}


Dialect = AnthropicDialect | OpenAIDialect | GeminiDialect


def _anthropic_stop(told: Told) -> str:
    return "refusal" if told.refused else "max_tokens" if told.cut else "end_turn"


def _gemini_text(content: dict[str, Any]) -> str:
    return "\n".join(part.get("text", "") for part in content.get("parts", []))


def _require_strict(schema: dict[str, Any]) -> None:
    """Refuse what OpenAI's strict mode refuses: an open object, a property that is not required."""
    if schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            raise ValueError("Invalid schema for response_format: 'additionalProperties' must be false")
        if sorted(schema.get("required", [])) != sorted(schema.get("properties", {})):
            raise ValueError("Invalid schema for response_format: 'required' must include every property")
    children = [*schema.get("properties", {}).values(), *schema.get("anyOf", []), *schema.get("$defs", {}).values()]
    for child in [*children, *([schema["items"]] if "items" in schema else [])]:
        _require_strict(child)


def _frame(headers: dict[str, str], payload: dict[str, Any]) -> bytes:
    """One message of the AWS event stream: total length, header length, CRC, headers, payload, CRC."""
    encoded = b"".join(
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", 7, len(value)) + value.encode()
        for name, value in headers.items()
    )
    body = json.dumps(payload).encode()
    prelude = struct.pack("!II", 16 + len(encoded) + len(body), len(encoded))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + encoded + body
    return message + struct.pack("!I", zlib.crc32(message))
