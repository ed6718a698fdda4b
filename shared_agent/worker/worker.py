"""``Worker.run(task) -> Outcome``: the one path that every runtime calls.

claim ─► handler ─► model calls (budget → admission → breaker → call → settle) ─► store outcome = release
  │                                                                                  then, and only then, ack
  ├─ already complete: the stored outcome, no call
  ├─ claimed elsewhere: Busy, to be redelivered
  └─ admission far away: the claim is given back, Deferred, to be redelivered with its ticket
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from shared_agent.errors import BudgetExceeded, ClaimLost, Deferred, StoreError, StoreUnavailable
from shared_agent.spec import coverage, wire
from shared_agent.spec.document import Chunk
from shared_agent.spec.outcome import Failure, FailureClass, Outcome, Timings
from shared_agent.spec.settings import JobSettings
from shared_agent.spec.task import Task
from shared_agent.stores.artifacts import Artifacts
from shared_agent.stores.state import StateStore
from shared_agent.worker.calls import Account
from shared_agent.worker.claims import Claims, Held, IsDead, nobody_is_known_dead
from shared_agent.worker.context import Context
from shared_agent.worker.failures import describe, principal
from shared_agent.worker.jobs import JobRuntime
from shared_agent.worker.journal import Journal
from shared_agent.worker.kinds import TaskKind
from shared_agent.worker.leases import Leases

_ERROR_INLINE_LIMIT = 1024

ResolveKind = Callable[[JobSettings], TaskKind]


class Worker:
    """Executes tasks against shared state and artifacts. One instance serves any number of concurrent tasks and jobs.

    ``resolve`` finds a job's task kind (``handlers.resolve``). ``max_wait_s`` is the longest wait, for admission or before
    a retry, that this worker sleeps through; None sleeps through all. ``retry_failed`` runs tasks whose stored outcome is
    a failure again. ``is_dead`` may say of another worker that its leases need not be waited out.
    """

    def __init__(
        self,
        *,
        state: StateStore,
        artifacts: Artifacts,
        resolve: ResolveKind,
        name: str = "",
        max_wait_s: float | None = None,
        retry_failed: bool = False,
        is_dead: IsDead = nobody_is_known_dead,
    ) -> None:
        self.name = name or f"{socket.gethostname()}-{os.getpid()}-{os.urandom(3).hex()}"
        self.state = state
        self.artifacts = artifacts
        self._resolve = resolve
        self._max_wait_s = max_wait_s
        self._retry_failed = retry_failed
        self._claims = Claims(state, self.name, is_dead=is_dead)
        self._leases = Leases(self._claims)
        self._jobs: dict[str, JobRuntime] = {}

    def register(self, settings: JobSettings) -> JobRuntime:
        """Make a job known from its settings; otherwise the first task of a job reads them from the artifacts.

        Raises InputError when the kind, a model, a limit or an option is wrong.
        """
        runtime = JobRuntime(
            settings, self._resolve(settings), state=self.state, worker=self.name, max_wait_s=self._max_wait_s
        )
        runtime.open_models()
        self._jobs[settings.job_id] = runtime
        return runtime

    async def run(self, task: Task) -> Outcome:
        """Execute a task, or return the outcome it already has; the outcome is stored before this returns.

        A failed task is an outcome, not an exception. Raises Busy, Deferred and ClaimLost, for which the task has no
        outcome here, StoreUnavailable when a store does not answer, and InputError when the job itself is wrong.
        """
        job = self._jobs.get(task.job_id) or await self._register_stored(task.job_id)
        started_at = time.time()
        claim = await self._claims.acquire(task.key, job.settings.lease_s, retry_failed=self._retry_failed)
        if isinstance(claim, Outcome):
            return msgspec.structs.replace(claim, replayed=True)
        cancelling = _cancelling()
        lease = self._leases.add(claim, job.settings.lease_s)
        try:
            outcome = await self._execute(job, task, started_at, token=claim.token)
        except BaseException as error:
            held = self._leases.remove(lease)
            if lease.lost and isinstance(error, asyncio.CancelledError) and _uncancel() <= cancelling:
                raise ClaimLost(f"the lease on {task.key} could not be renewed") from None
            await self._give_back(held)
            raise
        held = self._leases.remove(lease)
        if lease.lost:
            _uncancel()
        if outcome.status == "skipped":
            await self._claims.release(held)
        else:
            await _to_the_end(self._claims.complete(held, outcome))
        return outcome

    async def aclose(self) -> None:
        """Close models and limiters. State and artifacts belong to whoever opened them."""
        await self._leases.aclose()
        for job in self._jobs.values():
            await job.aclose()

    async def _execute(self, job: JobRuntime, task: Task, started_at: float, *, token: int) -> Outcome:
        account = Account(task=task, tickets=task.tickets, tries=task.tries, deadline=job.deadline(task, started_at))
        journal = None
        if job.kind.calls == "many":
            journal = Journal(self.state, self.artifacts, task.key, token=token)
        context = Context(
            task=task,
            settings=job.settings,
            targets=job,
            calls=job.calls,
            tools=job.tools,
            account=account,
            journal=journal,
        )
        cancelling = _cancelling()
        try:
            async with job.time_limit(task, account.deadline):
                value = await self._handle(job.kind, context)
            data = msgspec.json.encode(value)
        except asyncio.CancelledError:
            if _cancelling() > cancelling:
                raise
            # Nobody cancelled this task: the handler waited for something of its own that was.
            failure = Failure(kind=FailureClass.CANCELLED, message="the handler awaited a task that was cancelled")
            return self._outcome(task, account, started_at, status="failed", failure=failure)
        except Exception as raised:
            error = principal(raised)
            if isinstance(error, Deferred | StoreUnavailable):
                raise error from None
            if isinstance(error, BudgetExceeded):
                failure = Failure(kind=FailureClass.BUDGET, message=error.message, remedy=error.remedy, retryable=True)
                return self._outcome(task, account, started_at, status="skipped", failure=failure)
            failure = await self._failure(task, error, token)
            return self._outcome(task, account, started_at, status="failed", failure=failure)
        # As whoever reads the stored outcome will find it: a tuple is a list then, and a key is a string.
        value = msgspec.json.decode(data)
        # The token keeps a worker that has lost the claim from overwriting what another one's outcome refers to.
        payload = await self.artifacts.pack(value, f"jobs/{task.job_id}/values/{task.task_id}.{token}.json")
        outcome = self._outcome(task, account, started_at, status="succeeded")
        return msgspec.structs.replace(outcome, value=payload)

    async def _handle(self, kind: TaskKind, context: Context) -> object:
        unpack = self.artifacts.unpack
        if context.task.stage == "map":
            chunk = msgspec.convert(await unpack(context.task.inputs[0]), Chunk)
            return await kind.map(context, chunk)
        if kind.reduce is None:
            raise TypeError(f"the task kind {kind.name} has no reducer")
        values = [await unpack(payload) for payload in context.task.inputs]
        for position in context.task.unlifted:
            values[position] = kind.lifted(values[position])
        return await kind.reduce(context, values)

    def _outcome(
        self,
        task: Task,
        account: Account,
        started_at: float,
        *,
        status: str,
        failure: Failure | None = None,
    ) -> Outcome:
        reason = failure.message if failure is not None else ""
        return Outcome(
            job_id=task.job_id,
            task_id=task.task_id,
            key=task.key,
            status=status,  # pyright: ignore[reportArgumentType]
            failure=failure,
            source=task.source,
            usage=account.usage,
            timings=Timings(
                started_at=started_at,
                ended_at=time.time(),
                admission_s=account.admission_s,
                model_s=account.model_s,
                backoff_s=account.backoff_s,
            ),
            coverage=coverage.after(task.coverage, status, task.task_id, task.source, reason),
            calls=account.calls,
            retries=account.retries,
            throttled=account.throttled,
            worker=self.name,
            model=account.model,
            traceparent=task.traceparent,
        )

    async def _failure(self, task: Task, error: Exception, token: int) -> Failure:
        failure, whole = describe(error)
        if not whole:
            return failure
        path = f"jobs/{task.job_id}/errors/{task.task_id}.{token}.json"
        detail = await self.artifacts.pack(whole, path, limit=_ERROR_INLINE_LIMIT)
        return msgspec.structs.replace(failure, detail=detail)

    async def _give_back(self, held: Held) -> None:
        # The task is being cancelled or handed back; the lease would end by itself, only later.
        release = asyncio.ensure_future(self._claims.release(held))
        try:
            await asyncio.shield(release)
        except StoreError:
            return

    async def _register_stored(self, job_id: str) -> JobRuntime:
        settings = wire.decode(await self.artifacts.get(settings_path(job_id)), JobSettings)
        # Another task of the job may have read them in the meantime.
        return self._jobs.get(job_id) or self.register(settings)


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Finish ``work`` even when the current task is cancelled meanwhile: what is paid for is stored."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


def _cancelling() -> int:
    current = asyncio.current_task()
    return current.cancelling() if current is not None else 0


def _uncancel() -> int:
    current = asyncio.current_task()
    return current.uncancel() if current is not None else 0


def settings_path(job_id: str) -> str:
    """Where a submitted job's settings lie among the artifacts."""
    return f"jobs/{job_id}/settings.json"
