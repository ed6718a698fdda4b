"""What a model is asked and what it answers, the same for every provider.

A request carries its *purpose* as data (summarise these texts, classify this one into those labels, …) rather than
as a finished prompt. ``prompts.render`` turns a purpose into a prompt for a generative model; the embedded model
reads the purpose itself, for it cannot follow a prompt.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from shared_agent.spec.usage import Usage


class Passage(msgspec.Struct, frozen=True, omit_defaults=True):
    """One text among several, with the name under which an answer may cite it."""

    text: str
    source: str = ""


class Summarise(msgspec.Struct, frozen=True, tag="summarise", omit_defaults=True):
    """Condense the passages into one text; ``combine`` when they are themselves summaries of parts."""

    passages: tuple[Passage, ...]
    instructions: str = ""
    max_words: int = 200
    combine: bool = False
    missing: str = ""
    """What the passages do not cover, in words, for the model to respect."""


class Classify(msgspec.Struct, frozen=True, tag="classify", omit_defaults=True):
    """Choose among ``labels`` (name → description); ``examples`` are (text, label) pairs."""

    text: str
    labels: Mapping[str, str]
    instructions: str = ""
    multiple: bool = False
    examples: tuple[tuple[str, str], ...] = ()


class Extract(msgspec.Struct, frozen=True, tag="extract", omit_defaults=True):
    """Fill ``schema`` (JSON Schema of an object) from the text; what the text does not say stays absent."""

    text: str
    schema: Mapping[str, Any]
    instructions: str = ""


class Answer(msgspec.Struct, frozen=True, tag="answer", omit_defaults=True):
    """Answer ``question`` from the passages alone, naming the sources used."""

    question: str
    passages: tuple[Passage, ...]
    instructions: str = ""
    combine: bool = False
    missing: str = ""


class Judge(msgspec.Struct, frozen=True, tag="judge", omit_defaults=True):
    """Score each candidate from 0 to 1 against ``criteria`` and choose one; never write a new candidate."""

    question: str
    candidates: tuple[str, ...]
    criteria: str = ""


class Free(msgspec.Struct, frozen=True, tag="free", omit_defaults=True):
    """A prompt as it stands, for agents that write their own."""

    prompt: str
    system: str = ""


Purpose = Summarise | Classify | Extract | Answer | Judge | Free


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One model call.

    ``max_output_tokens`` is the hard cap sent to the provider. ``idempotency_key`` and ``traceparent`` (W3C Trace
    Context) travel as headers where the provider takes them. ``timeout_s`` is the caller's time limit in seconds.
    """

    purpose: Purpose
    max_output_tokens: int = 1024
    temperature: float = 0.0
    idempotency_key: str = ""
    traceparent: str = ""
    timeout_s: float | None = None


class Quota(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a provider's headers said of one rate-limit dimension.

    ``dimension`` is ``requests``, ``input_tokens`` or ``output_tokens``; ``limit`` and ``remaining`` count units a
    minute; ``reset_s`` is the number of seconds until the limit is whole again.
    """

    dimension: str
    limit: int | None = None
    remaining: int | None = None
    reset_s: float | None = None


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A model's answer.

    ``data`` is the structured answer: for Classify ``{"label", "labels", "scores"}``, for Extract the object, for
    Judge ``{"choice": index, "scores": [...], "reason"}``, for Answer ``{"answer", "sources", "found"}``; otherwise None.
    ``extractive`` is True when the text was selected from the input rather than written.
    """

    text: str
    model: str
    usage: Usage
    data: Any = None
    finish: str = "stop"
    extractive: bool = False
    quotas: tuple[Quota, ...] = ()


class Delta(msgspec.Struct, frozen=True, omit_defaults=True):
    """A piece of a streamed answer. The last one carries ``reply`` and no text."""

    text: str = ""
    reply: Reply | None = None


class Embeddings(msgspec.Struct, frozen=True, kw_only=True):
    """Unit-length vectors, one a text, in the order of the texts."""

    vectors: Sequence[Sequence[float]]
    model: str
    usage: Usage


class Model(Protocol):
    """A language model. Implementations are created by :func:`shared_agent.models.open_model`.

    Raises :class:`~shared_agent.errors.Throttled`, :class:`~shared_agent.errors.Transient` or
    :class:`~shared_agent.errors.Permanent`, never a provider's own exception, and never retries by itself.
    Cancelling a call, or leaving a stream early, closes its connection.
    """

    name: str
    """The full name, such as ``anthropic:claude-haiku-4-5``."""

    async def complete(self, request: Request) -> Reply:
        """Answer one request; usage is always reported."""
        ...

    def stream(self, request: Request) -> AsyncIterator[Delta]:
        """Answer one request piece by piece; the last delta carries the whole reply."""
        ...

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        """Embed texts. Raises Permanent where the provider has no embeddings."""
        ...

    def estimate(self, request: Request) -> Usage:
        """What the call may consume at most, before it is made: input tokens estimated, output at its cap, USD."""
        ...

    async def aclose(self) -> None:
        """Close connections. The model is not usable after it."""
        ...
