"""The embedded model behind the ``Model`` protocol.

    event loop ──request──▶ own threads (at most one a core) ──▶ draft, counted ──reply──▶ event loop

The event loop is never blocked: all work, loading included, runs in the model's own threads. Cancelling a call stops
its thread at the next run of the encoder, a few milliseconds on.
"""

from __future__ import annotations

import asyncio
import os
import re
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from shared_agent.errors import InputError, Permanent, SharedAgentError, Transient
from shared_agent.models.embedded.counting import estimated_tokens, input_texts
from shared_agent.models.embedded.weights import require_installed
from shared_agent.models.types import Delta, Embeddings, Reply, Request
from shared_agent.spec.usage import Usage

if TYPE_CHECKING:
    from shared_agent.models.embedded.encoder import Encoder

NAME = "embedded:extractive"

_MOST_THREADS = 8
_PIECE = re.compile(r".+?(?:[.!?]\s+|\n+|\Z)", re.DOTALL)
_T = TypeVar("_T")


class EmbeddedModel:
    """Summarises, extracts, classifies, answers, judges and embeds by selecting from its input; it never writes.

    Needs no key and no network and costs 0.0 USD. Deterministic: the same request gives the same reply on one
    machine, whatever ran before or runs beside it. Reads the purpose of a request, not a prompt; ``instructions``
    steer what a summary selects and are not otherwise followed. Raises :class:`InputError` (field ``model``) when the
    extra ``embedded`` is not installed or the name is another's.
    """

    def __init__(self, name: str = NAME) -> None:
        if name not in {NAME, "embedded"}:
            raise InputError("model", f"there is no embedded model {name!r}", remedy=f"use {NAME}")
        require_installed()
        self.name = NAME
        self._threads: ThreadPoolExecutor | None = None
        self._closed = False

    async def complete(self, request: Request) -> Reply:
        """Answer one request; ``usage`` counts word pieces of the texts read and of the reply."""
        return await self._in_thread(lambda check: _complete(request, check), request.timeout_s)

    async def stream(self, request: Request) -> AsyncIterator[Delta]:
        """Answer sentence by sentence. Selection looks at the whole input first, so the pieces come close together."""
        reply = await self.complete(request)
        for piece in _PIECE.findall(reply.text):
            yield Delta(text=piece)
        yield Delta(reply=reply)

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        """Vectors of 384 numbers; of each text the first 256 tokens are read."""
        return await self._in_thread(lambda check: _embed(texts, check), None)

    def estimate(self, request: Request) -> Usage:
        """Input tokens from the shape of the texts' words (erring upwards), output at its cap, 0.0 USD."""
        tokens = estimated_tokens(request.purpose)
        return Usage(calls=1, input_tokens=tokens, output_tokens=request.max_output_tokens)

    async def aclose(self) -> None:
        """End the model's threads; calls still running are given up."""
        self._closed = True
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None

    async def _in_thread(self, work: Callable[[Callable[[], None]], _T], timeout_s: float | None) -> _T:
        """Run ``work`` in a thread; it calls the function it is given to learn whether it is still wanted."""
        unwanted = threading.Event()

        def check() -> None:
            if unwanted.is_set():
                raise _UnwantedError

        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.get_running_loop().run_in_executor(self._executor(), work, check)
        except TimeoutError as error:
            raise Transient(
                f"the embedded model took longer than {timeout_s} s", code="timeout", remedy="allow more time"
            ) from error
        except SharedAgentError:
            raise
        except Exception as error:
            raise Permanent(f"the embedded model failed: {error}", code=type(error).__name__) from error
        finally:
            unwanted.set()

    def _executor(self) -> ThreadPoolExecutor:
        if self._closed:
            raise Permanent("the embedded model is closed", code="closed", remedy="open it again")
        if self._threads is None:
            workers = min(_MOST_THREADS, os.cpu_count() or 1)
            self._threads = ThreadPoolExecutor(workers, thread_name_prefix="embedded-model")
        return self._threads


class _UnwantedError(Exception):
    """The caller has gone; nobody will read the result."""


def _complete(request: Request, check: Callable[[], None]) -> Reply:
    from shared_agent.models.embedded.engine import draft

    check()
    encoder = _encoder()
    made = draft(request, encoder, check)
    usage = Usage(
        calls=1,
        input_tokens=sum(encoder.wordpiece.count(text) for text in input_texts(request.purpose)),
        output_tokens=encoder.wordpiece.count(made.text),
    )
    return Reply(text=made.text, model=NAME, usage=usage, data=made.data, extractive=True)


def _embed(texts: Sequence[str], check: Callable[[], None]) -> Embeddings:
    encoder = _encoder()
    vectors = encoder.encode(texts, check=check).tolist()
    usage = Usage(calls=1, input_tokens=sum(encoder.wordpiece.count(text) for text in texts))
    return Embeddings(vectors=vectors, model=NAME, usage=usage)


def _encoder() -> Encoder:
    from shared_agent.models.embedded.encoder import shared_encoder

    return shared_encoder()
