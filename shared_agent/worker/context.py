"""What a handler is given: the model calls, the steps and the settings of its task."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from shared_agent.models.types import Delta, Embeddings, Free, Purpose, Reply, Request
from shared_agent.spec import ids, trace
from shared_agent.spec.coverage import Coverage
from shared_agent.spec.settings import JobSettings, Role
from shared_agent.spec.task import Task
from shared_agent.worker.calls import Account, Calls, Target
from shared_agent.worker.journal import Journal
from shared_agent.worker.tools import Tools


class Targets(Protocol):
    """Gives the model that plays a role in the job."""

    def target(self, role: Role) -> Target: ...


class Context:
    """One task, as its handler sees it.

    ``idempotency_key`` is the same whenever the task is run: pass it on with every side effect, so that the outside
    world can deduplicate too.
    """

    def __init__(
        self,
        *,
        task: Task,
        settings: JobSettings,
        targets: Targets,
        calls: Calls,
        tools: Tools,
        account: Account,
        journal: Journal | None,
    ) -> None:
        self.task = task
        self.settings = settings
        self._targets = targets
        self._calls = calls
        self._tools = tools
        self._account = account
        self._journal = journal

    @property
    def idempotency_key(self) -> str:
        return self.task.key

    @property
    def traceparent(self) -> str:
        """The W3C trace context of this task."""
        return self.task.traceparent

    @property
    def instructions(self) -> str:
        """The job's instructions."""
        return self.settings.instructions

    @property
    def options(self) -> Mapping[str, Any]:
        """The job's options for its task kind."""
        return self.settings.options

    @property
    def coverage(self) -> Coverage:
        """For a reducer: what its inputs stand on."""
        return self.task.coverage

    async def complete(
        self, purpose: Purpose | str, *, role: Role | None = None, max_output_tokens: int | None = None
    ) -> Reply:
        """Ask the model that plays ``role`` (by default the task's own); a plain string is a free prompt.

        Admission, budget, breaker, timeout and retries are taken care of. Once answered, the reply is stored: a task
        that is run again gets it without a call. Raises as ``Calls.complete``; let the errors pass, the worker turns
        them into the task's failure.
        """
        request = self._request(purpose, max_output_tokens)
        target = self._targets.target(role or self.task.role)
        if self._journal is None:
            return await self._calls.complete(target, request, self._account)
        asked = msgspec.structs.replace(request, traceparent="", idempotency_key="")
        name = self._journal.name(ids.digest(target.model.name, asked))
        done, stored = await self._journal.find(name)
        if done:
            reply = msgspec.convert(stored, Reply)
            # An earlier run of this task paid for it, and its account ended with that run.
            self._account.usage += reply.usage
            return reply
        reply = await self._calls.complete(target, request, self._account)
        await self._journal.store(name, msgspec.to_builtins(reply))
        return reply

    def stream(
        self, purpose: Purpose | str, *, role: Role | None = None, max_output_tokens: int | None = None
    ) -> AsyncGenerator[Delta, None]:
        """The same as :meth:`complete`, piece by piece; the last delta carries the reply. It is not stored."""
        target = self._targets.target(role or self.task.role)
        return self._calls.stream(target, self._request(purpose, max_output_tokens), self._account)

    async def embed(self, texts: Sequence[str], *, role: Role | None = None) -> Embeddings:
        """Unit vectors of ``texts`` from the model that plays ``role``."""
        return await self._calls.embed(self._targets.target(role or self.task.role), texts, self._account)

    async def step(self, name: str, run: Callable[[], Awaitable[Any]], *, asked: Any = None) -> Any:
        """Run a tool or side effect once, behind the circuit breaker called ``name``; return its JSON value.

        Once it has returned, the value is stored and a task that is run again gets it without running the tool. Steps of
        one name are told apart by ``asked`` (any JSON value, such as the arguments). TimeoutError, ConnectionError and
        Transient are tried again as the job's retry policy says; other exceptions pass through.
        """
        journal = self._journal
        step = journal.name(ids.digest("step", name, asked)) if journal is not None else ""
        if journal is not None:
            done, stored = await journal.find(step)
            if done:
                return stored
        value = await self._tools.run(name, run, self._account)
        return await journal.store(step, value) if journal is not None else value

    def _request(self, purpose: Purpose | str, max_output_tokens: int | None) -> Request:
        return Request(
            purpose=Free(prompt=purpose) if isinstance(purpose, str) else purpose,
            max_output_tokens=max_output_tokens or self.settings.max_output_tokens,
            idempotency_key=self.task.key,
            traceparent=trace.child(self.task.traceparent),
            timeout_s=self.settings.call_timeout_s,
        )
