"""The one path of a model call: budget → admission → breaker → call with timeout → settle, retried by error class.

    reserve budget ─► wait for admission ─► breaker ─► call ──ok──► settle limit and budget ─► reply
          ▲                                              │
          └────────── full-jitter wait ◄── throttled, transient, timeout
                                          permanent, budget, too large ──► raised

Capacity and money are reserved before the call and settled after it, whether it succeeded or not. A refused call settles at
nothing but its request; a call that was cut off (timeout, cancellation) may have been billed and settles at its estimate.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import msgspec

from shared_agent.errors import BreakerOpen, Deferred, ModelError, Permanent, Throttled, Transient
from shared_agent.limits.estimate import Calibrator
from shared_agent.limits.rules import Rule, rule_for
from shared_agent.limits.types import Admission, Limiter, NotYet
from shared_agent.models.types import Delta, Embeddings, Free, Model, Quota, Reply, Request
from shared_agent.spec.admission import Cost, Ticket
from shared_agent.spec.settings import RetryPolicy
from shared_agent.spec.task import Task
from shared_agent.spec.usage import Usage
from shared_agent.worker.breaker import Breakers
from shared_agent.worker.budget import BudgetGuard
from shared_agent.worker.retry import Attempts, next_delay_s
from shared_agent.worker.watchdog import Watchdog


class _Answer(Protocol):
    @property
    def usage(self) -> Usage: ...


_TIMED_OUT = "timeout"

A = TypeVar("A", bound=_Answer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A model and the names of the limits that its calls are admitted under."""

    model: Model
    limits: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class Account:
    """What the calls of one task have consumed and waited so far; ``deadline`` in event-loop seconds."""

    task: Task
    usage: Usage = field(default_factory=Usage)
    admission_s: float = 0.0
    model_s: float = 0.0
    backoff_s: float = 0.0
    retries: int = 0
    throttled: int = 0
    calls: int = 0
    model: str = ""
    deadline: float | None = None
    tickets: tuple[Ticket, ...] = ()
    tries: int = 0

    def deferred(self, wait_s: float) -> Deferred:
        """The task to be redelivered in ``wait_s`` seconds, with the tickets it still holds: a used one must not return.

        The failures so far go with it, so that a model that keeps failing does not send its task round for ever.
        """
        return Deferred(msgspec.structs.replace(self.task, tickets=self.tickets, tries=self.tries), wait_s)


class Calls:
    """Makes the model calls of one job's tasks. ``max_wait_s``: waits beyond it raise Deferred instead of sleeping."""

    def __init__(
        self,
        *,
        limiter: Limiter,
        breakers: Breakers,
        budget: BudgetGuard | None,
        retry: RetryPolicy,
        timeout_s: float,
        max_wait_s: float | None,
    ) -> None:
        self._limiter = limiter
        self._breakers = breakers
        self._budget = budget
        self._retry = retry
        self._watchdog = Watchdog(timeout_s)
        self._max_wait_s = max_wait_s
        self._calibrator = Calibrator()

    async def complete(self, target: Target, request: Request, account: Account) -> Reply:
        """One answered request, with its waits and retries.

        Raises Permanent, BudgetExceeded and AdmissionError at once, the last Transient or BreakerOpen when the policy's
        tries are used up, Throttled when the next try would be past the task's deadline, and Deferred when a wait is
        longer than this worker sleeps.
        """
        return await self._with_retries(target, request, account, lambda: target.model.complete(request))

    async def embed(self, target: Target, texts: Sequence[str], account: Account) -> Embeddings:
        """The embeddings of ``texts``; raises as :meth:`complete`."""
        request = Request(purpose=Free(prompt="\n".join(texts)), max_output_tokens=1)
        return await self._with_retries(target, request, account, lambda: target.model.embed(texts))

    async def stream(self, target: Target, request: Request, account: Account) -> AsyncGenerator[Delta, None]:
        """A streamed answer; raises as :meth:`complete`. Tried again only while no piece has been handed on."""
        pieces: asyncio.Queue[Delta] = asyncio.Queue(maxsize=64)
        piece: asyncio.Future[Delta] | None = None
        handed_on = False

        async def pump() -> Reply:
            nonlocal handed_on
            stream = target.model.stream(request)
            try:
                async for delta in stream:
                    if delta.reply is not None:
                        return delta.reply
                    handed_on = True
                    await pieces.put(delta)
            finally:
                await _close(stream)
            raise Transient("the stream ended without its reply", code="truncated_stream")

        async def run() -> Delta:
            return Delta(reply=await self._with_retries(target, request, account, pump, again=lambda: not handed_on))

        task = asyncio.create_task(run())
        try:
            while not (task.done() and pieces.empty()):
                piece = asyncio.ensure_future(pieces.get())
                await asyncio.wait({piece, task}, return_when=asyncio.FIRST_COMPLETED)
                if piece.done():
                    yield piece.result()
                else:
                    piece.cancel()
            yield await task
        finally:
            if piece is not None:
                piece.cancel()
            task.cancel()
            await asyncio.wait({task})

    async def _with_retries(
        self,
        target: Target,
        request: Request,
        account: Account,
        call: Callable[[], Awaitable[A]],
        again: Callable[[], bool] = lambda: True,
    ) -> A:
        attempts = Attempts(transient=account.tries)
        loop = asyncio.get_running_loop()
        account.model = target.model.name
        while True:
            try:
                answer = await self._once(target, request, account, call)
            except (Throttled, Transient, BreakerOpen) as error:
                delay_s = next_delay_s(self._retry, error, attempts)
                if delay_s is None or not again():
                    raise
                if account.deadline is not None and loop.time() + delay_s >= account.deadline:
                    raise
                account.throttled += isinstance(error, Throttled)
                account.retries += not isinstance(error, BreakerOpen)
            else:
                account.tries = 0
                return answer
            account.tries = attempts.transient
            if self._max_wait_s is not None and delay_s > self._max_wait_s:
                raise account.deferred(delay_s)
            account.backoff_s += delay_s
            await asyncio.sleep(delay_s)

    async def _once(self, target: Target, request: Request, account: Account, call: Callable[[], Awaitable[A]]) -> A:
        estimate = target.model.estimate(request)
        reserved = await self._budget.reserve(estimate) if self._budget is not None else None
        spent = Usage()
        try:
            rule = rule_for(target.model.name)
            most = rule.reservation(estimate)
            admission = await self._admit(target, most, rule, account)
            consumed = Cost(requests=0.0)
            try:
                await self._breakers.before(target.model.name, asyncio.get_running_loop().time())
                # From here on until a definite answer, the call may have been billed.
                spent, consumed = estimate, most
                answer = await self._call(target, call, account)
                spent = answer.usage
                consumed = rule.actual(spent, most)
                account.usage += spent
                self._calibrator.learn(target.limits, account.task.role, most, consumed)
            except ModelError as error:
                if error.code != _TIMED_OUT:
                    spent = error.usage or Usage()
                    consumed = rule.actual(spent, most)
                    account.usage += spent
                raise
            finally:
                if target.limits:
                    await self._limiter.settle(admission, consumed)
        finally:
            if self._budget is not None and reserved is not None:
                await self._budget.settle(reserved, spent)
        await self._observe(target, answer)
        return answer

    async def _admit(self, target: Target, most: Cost, rule: Rule, account: Account) -> Admission:
        if not target.limits:
            return _FREE
        label = account.task.role
        likely = most if rule.output_at_request else self._calibrator.scale(target.limits, label, most)
        tickets, account.tickets = account.tickets, ()
        try:
            admission = await self._limiter.acquire(target.limits, likely, max_wait_s=self._max_wait_s, tickets=tickets)
        except NotYet as not_yet:
            account.tickets = not_yet.tickets
            raise account.deferred(not_yet.wait_s) from None
        account.admission_s += admission.waited_s
        return admission

    async def _call(self, target: Target, call: Callable[[], Awaitable[A]], account: Account) -> A:
        name = target.model.name
        loop = asyncio.get_running_loop()
        started = loop.time()
        account.calls += 1
        try:
            with self._watchdog.guard():
                answer = await call()
        except TimeoutError:
            await self._breakers.failed(name)
            raise Transient(
                f"{name} gave no answer within {self._watchdog.timeout_s:g} s",
                code=_TIMED_OUT,
                remedy="raise timeouts.call_s, or choose a faster model",
            ) from None
        except Transient:
            await self._breakers.failed(name)
            raise
        except Permanent:
            # A target that refuses a request works: as a probe's answer, that closes the breaker.
            await self._breakers.succeeded(name)
            raise
        except Throttled as error:
            await self._breakers.succeeded(name)
            await self._limiter.throttled(target.limits, error.retry_after_s)
            raise
        finally:
            account.model_s += loop.time() - started
        await self._breakers.succeeded(name)
        return answer

    async def _observe(self, target: Target, answer: _Answer) -> None:
        quotas: tuple[Quota, ...] = answer.quotas if isinstance(answer, Reply) else ()
        if quotas and target.limits:
            await self._limiter.observe(target.limits, quotas)


_FREE = Admission()


async def _close(stream: AsyncIterator[Delta]) -> None:
    if isinstance(stream, AsyncGenerator):
        await stream.aclose()
