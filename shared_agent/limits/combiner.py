"""One process's line to one limit: everything that comes up while a store call is under way goes together in the next.

    caller A  reserve ─┐ call 1 ──────────┐
    caller B      reserve ─┐              │ call 2: B, C and D's settlement ──┐
    caller C         reserve ─┤           │                                   │
    caller D           settle ─┘ returns at once, rides along                 │

Callers are served in the order they came. A settlement does not wait for the store: it rides along with the next call,
or makes one of its own after ``linger_s``. One that the store did not confirm is not repeated, for it may have been
applied: its reservation stands, which errs on the safe side.

A process holds at most ``lookahead_s`` seconds' worth of the quota in tickets that are still to be granted; its further
callers queue here, unreserved. Without that, a process that dies, or a job that is cancelled, with a thousand waiting
callers would leave behind a queue of minutes for which nobody calls. Callers who cannot wait, and so need their ticket
at once, are not held back.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass

from shared_agent.errors import StoreError
from shared_agent.limits.backends import Backend
from shared_agent.limits.codec import UNUSED, Op, Redeem, Reply, Reserve, Settle, Shape

_log = logging.getLogger(__name__)

_BATCH_LIMIT = 512
_MIN_LOOKAHEAD_S = 5.0


@dataclass(slots=True, eq=False)
class _Call:
    op: Reserve | Redeem
    answer: asyncio.Future[tuple[Reply, float]]
    holds_s: float


class Combiner:
    """The calls of this process to the limit ``name``."""

    def __init__(self, name: str, shape: Shape, backend: Backend, *, linger_s: float) -> None:
        self.name = name
        self.shape = shape
        self.rates = shape.rates
        self.hold = 0.0
        self._backend = backend
        self._linger_s = linger_s
        self._lookahead_s = max(_MIN_LOOKAHEAD_S, shape.burst_s / 3)
        self._ahead_s = 0.0
        self._ahead = 0
        self._urgent: deque[_Call] = deque()
        self._patient: deque[_Call] = deque()
        self._posts: deque[Op] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._pump: asyncio.Task[None] | None = None

    async def call(self, op: Reserve | Redeem, *, holds_s: float = 0.0) -> tuple[Reply, float]:
        """Apply ``op`` and return the store's reply and its answer to it.

        ``holds_s``: seconds of the quota that count towards the lookahead until :meth:`release`; 0 is not held back.
        When the caller is cancelled meanwhile, the ticket that ``op`` takes or brings is given back.
        """
        if self._backend.immediate and (holds_s <= 0 or (not self._patient and self._has_room(holds_s))):
            reply = await self._apply([op])
            self._take(holds_s)
            return reply, reply.answers[0]
        call = _Call(op, asyncio.get_running_loop().create_future(), holds_s)
        (self._patient if holds_s > 0 else self._urgent).append(call)
        self._wake()
        try:
            return await call.answer
        except asyncio.CancelledError:
            answered_unseen = not call.answer.cancelled() and call.answer.exception() is None
            if answered_unseen:
                self._give_back(call, call.answer.result()[1])
                self._wake()
            raise

    async def post(self, op: Op) -> None:
        """Have ``op`` applied soon, at the latest ``linger_s`` from now; no answer is waited for."""
        if self._backend.immediate:
            await self._apply([op])
            return
        self._posts.append(op)
        if self._linger_s <= 0:
            self._wake()
        elif self._timer is None and not self._pumping():
            self._timer = asyncio.get_running_loop().call_later(self._linger_s, self._wake)

    def release(self, holds_s: float) -> None:
        """A ticket of ``holds_s`` seconds was granted or given back: there is room for further callers."""
        if holds_s <= 0:
            return
        self._ahead -= 1
        self._ahead_s = self._ahead_s - holds_s if self._ahead else 0.0
        if self._patient:
            self._wake()

    async def aclose(self) -> None:
        """Cancel callers that were not sent yet and send what was posted."""
        for call in (*self._urgent, *self._patient):
            call.answer.cancel()
        while self._urgent or self._patient or self._posts or self._pumping():
            self._wake()
            if self._pump is not None:
                await asyncio.wait([self._pump])
        self._stop_timer()

    def _pumping(self) -> bool:
        return self._pump is not None and not self._pump.done()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wake(self) -> None:
        self._stop_timer()
        if not self._pumping():
            self._pump = asyncio.get_running_loop().create_task(self._drain(), name=f"limit {self.name}")

    async def _drain(self) -> None:
        while True:
            calls = self._next_calls()
            posts = [self._posts.popleft() for _ in range(min(len(self._posts), _BATCH_LIMIT))]
            if not (posts or calls):
                return
            await self._send(posts, calls)

    def _next_calls(self) -> list[_Call]:
        chosen: list[_Call] = []
        for queue in (self._urgent, self._patient):
            while queue and len(chosen) < _BATCH_LIMIT:
                if queue[0].answer.done():
                    self._give_back_unsent(queue.popleft())
                elif queue[0].holds_s <= 0 or self._has_room(queue[0].holds_s):
                    self._take(queue[0].holds_s)
                    chosen.append(queue.popleft())
                else:
                    break
        return chosen

    def _has_room(self, holds_s: float) -> bool:
        return self._ahead == 0 or self._ahead_s + holds_s <= self._lookahead_s

    def _take(self, holds_s: float) -> None:
        if holds_s > 0:
            self._ahead += 1
            self._ahead_s += holds_s

    def _give_back_unsent(self, call: _Call) -> None:
        if isinstance(call.op, Redeem):
            self._posts.append(Settle(call.op.cost, UNUSED, call.op.grant_at))

    def _give_back(self, call: _Call, answer: float) -> None:
        self.release(call.holds_s)
        if answer >= 0:
            self._posts.append(Settle(call.op.cost, UNUSED, answer))

    async def _send(self, posts: list[Op], calls: list[_Call]) -> None:
        try:
            reply = await self._apply([*posts, *(call.op for call in calls)])
        except Exception as error:
            if posts:
                _log.warning("limit %s: %d settlements lost, the reservations stand: %s", self.name, len(posts), error)
            for call in calls:
                self.release(call.holds_s)
                if not call.answer.done():
                    call.answer.set_exception(error)
            if not calls and not isinstance(error, StoreError):
                raise
            return
        for call, answer in zip(calls, reply.answers[len(posts) :], strict=True):
            if not call.answer.done():
                call.answer.set_result((reply, answer))
                continue
            self._give_back(call, answer)

    async def _apply(self, ops: list[Op]) -> Reply:
        reply = await self._backend.apply(self.name, self.shape, ops)
        self.rates = reply.rates
        self.hold = reply.hold
        return reply
