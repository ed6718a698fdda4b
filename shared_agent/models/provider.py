"""What all real providers share: prompt in, reply out, one place for timeouts, errors, usage and prices.

    request ── render ──► prompt ── _call ──► Completion ── parse ──► Reply
                            │                     │
                        estimate ◄──── learn ─────┘        any failure ── _failure ──► Throttled | Transient | Permanent

A provider's module says how to send and how to read, nothing else. One call is one HTTP request: retrying is the
worker's business, which knows the deadline, the budget and the limits.
"""

from __future__ import annotations

import asyncio
import json
import math
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field

import msgspec

from shared_agent.errors import ModelError, Permanent, SharedAgentError
from shared_agent.models import answers, estimate, failures, prices, prompts, quotas
from shared_agent.models.accepts import Accepts
from shared_agent.models.opening import Opening
from shared_agent.models.options import Options
from shared_agent.models.prompts import Prompt
from shared_agent.models.types import Delta, Embeddings, Reply, Request
from shared_agent.spec.usage import Usage

DEFAULT_TIMEOUT_S = 600.0
"""Time limit in seconds of a call whose request states none."""


@dataclass(frozen=True, slots=True)
class Completion:
    """A whole answer as the provider gave it. ``input_tokens`` includes those read from and written to its cache.

    ``finish``: ``stop``, ``length`` (cut at the cap) or the provider's own word.
    """

    text: str
    finish: str
    input_tokens: int
    output_tokens: int
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class Provider(ABC):
    """A model of a real provider; implements :class:`~shared_agent.models.types.Model`."""

    embed_batch = 100
    """Texts that one request for embeddings may carry."""

    def __init__(self, opening: Opening, options: Options, accepts: Accepts) -> None:
        self.name = opening.name
        self._model = opening.model
        self._options = options
        self._accepts = accepts
        self._rates = options.rates()
        self._estimator = estimate.TokenEstimator()
        prices.require_price(self.name, overrides=self._rates)

    @property
    def context_window(self) -> int:
        """Tokens that the model takes as input."""
        return estimate.context_window(self.name, self._options.context_window)

    async def complete(self, request: Request) -> Reply:
        """Answer ``request`` with one HTTP request. Raises Throttled, Transient or Permanent."""
        prompt = prompts.render(request.purpose)
        with self._errors(_limit(request)):
            async with asyncio.timeout(_limit(request)):
                done = await self._call(prompt, request)
        return self._reply(request, prompt, done)

    async def stream(self, request: Request) -> AsyncIterator[Delta]:
        """Answer ``request`` piece by piece; the last delta carries the reply.

        A purpose that asks for JSON streams its JSON; the parsed answer comes with the last delta.
        """
        prompt = prompts.render(request.purpose)
        deadline = asyncio.get_running_loop().time() + _limit(request)
        done: Completion | None = None
        async with aclosing(self._stream(prompt, request)) as pieces:
            while done is None:
                with self._errors(_limit(request)):
                    async with asyncio.timeout_at(deadline):
                        piece = await anext(pieces, None)
                if piece is None:
                    raise failures.truncated_stream()
                if isinstance(piece, Completion):
                    done = piece
                elif piece:
                    yield Delta(text=piece)
        yield Delta(reply=self._reply(request, prompt, done))

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        """Embed ``texts``, in requests of ``embed_batch`` one after another. Vectors are scaled to unit length."""
        vectors: list[Sequence[float]] = []
        usage = Usage()
        for start in range(0, len(texts), self.embed_batch):
            batch = list(texts[start : start + self.embed_batch])
            with self._errors(DEFAULT_TIMEOUT_S):
                async with asyncio.timeout(DEFAULT_TIMEOUT_S):
                    found, tokens = await self._embed(batch)
            if len(found) != len(batch):
                raise failures.unreadable(f"{len(found)} vectors for {len(batch)} texts")
            if tokens is None:
                tokens = self._estimator.tokens(sum(map(estimate.base_tokens, batch)))
            vectors.extend(map(_unit_length, found))
            usage += self._priced(Usage(calls=1, input_tokens=tokens))
        return Embeddings(vectors=vectors, model=self.name, usage=usage)

    def estimate(self, request: Request) -> Usage:
        """What the call may consume at most: input tokens as estimated, output at its cap, USD at today's price."""
        base = _base_tokens(prompts.render(request.purpose))
        return self._priced(
            Usage(calls=1, input_tokens=self._estimator.tokens(base), output_tokens=request.max_output_tokens)
        )

    @abstractmethod
    async def aclose(self) -> None:
        """Close connections."""

    @abstractmethod
    async def _call(self, prompt: Prompt, request: Request) -> Completion:
        """Send one request and read its answer."""

    @abstractmethod
    def _stream(self, prompt: Prompt, request: Request) -> AsyncGenerator[str | Completion, None]:
        """Send one request and yield pieces of text, then the Completion; nothing more if the stream broke off."""

    @abstractmethod
    def _failure(self, error: Exception) -> ModelError | None:
        """The error for one of the SDK's own exceptions; None if it is not one."""

    async def _embed(self, texts: list[str]) -> tuple[Sequence[Sequence[float]], int | None]:
        """Vectors of one batch and the input tokens counted, None where the provider does not say."""
        del texts
        raise Permanent(
            f"{self.name} has no embeddings",
            code="unsupported",
            remedy="use 'embedded' or an embedding model of OpenAI or Google",
        )

    def _reply(self, request: Request, prompt: Prompt, done: Completion) -> Reply:
        self._estimator.learn(_base_tokens(prompt), done.input_tokens)
        tokens = Usage(
            calls=1,
            input_tokens=done.input_tokens,
            output_tokens=done.output_tokens,
            cached_input_tokens=done.cached_input_tokens,
        )
        usage = self._priced(tokens, done.cache_write_tokens)
        try:
            parsed = answers.parse(request.purpose, done.text, finish=done.finish)
        except ModelError as error:
            error.usage = usage
            raise
        return Reply(
            text=parsed.text,
            data=parsed.data,
            model=self.name,
            usage=usage,
            finish=done.finish,
            quotas=quotas.parse(done.headers),
        )

    def _priced(self, usage: Usage, cache_write_tokens: int = 0) -> Usage:
        usd = prices.price(self.name, usage, overrides=self._rates, cache_write_tokens=cache_write_tokens)
        if usd is None:
            raise Permanent(
                f"the price of {self.name} is no longer known", code="no_price", remedy="state it in options.prices"
            )
        return msgspec.structs.replace(usage, usd=usd)

    @contextmanager
    def _errors(self, limit_s: float) -> Generator[None, None, None]:
        """Let no exception but this package's own out. Cancellation passes as it is."""
        try:
            yield
        except SharedAgentError:
            raise
        except Exception as error:
            raise self._translated(error, limit_s) from error

    def _translated(self, error: Exception, limit_s: float) -> ModelError:
        own = self._failure(error)
        if own is not None:
            return self._accepts.learn(own)
        if isinstance(error, TimeoutError):
            return failures.timed_out(limit_s)
        if isinstance(error, (json.JSONDecodeError, UnicodeDecodeError)):
            return failures.unreadable(str(error))
        if isinstance(error, OSError):
            return failures.disconnected(error)
        return Permanent(f"{type(error).__name__}: {error}", code="unexpected")


@contextmanager
def reading() -> Generator[None, None, None]:
    """Around code that reads a provider's answer: a part that is missing or of the wrong type is a malformed answer."""
    try:
        yield
    except (AttributeError, TypeError, KeyError, IndexError, ValueError) as error:
        raise failures.unreadable(str(error)) from error


def tracing_headers(request: Request) -> dict[str, str]:
    """``traceparent`` and ``Idempotency-Key``, where the request has them."""
    headers: dict[str, str] = {}
    if request.traceparent:
        headers["traceparent"] = request.traceparent
    if request.idempotency_key:
        headers["Idempotency-Key"] = request.idempotency_key
    return headers


def _limit(request: Request) -> float:
    return DEFAULT_TIMEOUT_S if request.timeout_s is None else request.timeout_s


def _base_tokens(prompt: Prompt) -> float:
    return estimate.base_tokens(prompt.system) + estimate.base_tokens(prompt.user)


def _unit_length(vector: Sequence[float]) -> Sequence[float]:
    norm = math.hypot(*vector)
    if norm == 0.0 or abs(norm - 1.0) < 1e-6:
        return vector
    return [value / norm for value in vector]
