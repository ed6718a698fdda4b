"""Runs one job's tasks in this process: fan-out, eager reduction, completion, cancellation.

    map tasks (lazy) ──► pool ──► outcome ──► fan-in ──► group ready ──► reduce task ──► pool
                                     │
                                     └─► completion policy ──► the map stage ends, and why

The worker has stored every outcome before it is seen here, so a coordinator that dies loses nothing: the next one gets the
same outcomes back without a call.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable

from shared_agent.errors import Busy, ClaimLost, Deferred, InputError, StoreError, StoreUnavailable
from shared_agent.patterns.pool import Pool
from shared_agent.runtimes.local.fanin import FanIn
from shared_agent.runtimes.local.record import Progress
from shared_agent.runtimes.local.reduction import Group
from shared_agent.spec import ids, trace, tree
from shared_agent.spec.completion import EndReason
from shared_agent.spec.outcome import FailureClass, Outcome
from shared_agent.spec.settings import JobSettings
from shared_agent.spec.task import Task
from shared_agent.spec.tree import Node
from shared_agent.worker.worker import Worker

_BUSY_POLL_S = 1.0
_STORE_POLL_S = 0.5
_STORE_PATIENCE_S = 30.0
# For the other reasons what runs is let finish: it is paid for, and its result still counts.
_CANCELS_MAPS = (EndReason.QUORUM_REACHED, EndReason.DEADLINE, EndReason.CANCELLED)

OnOutcome = Callable[[Task, Outcome], None]


class Coordinator:
    """One run of one job. ``fan_in`` holds what is known; ``cancel`` ends it."""

    def __init__(
        self,
        worker: Worker,
        settings: JobSettings,
        tasks: AsyncIterable[Task],
        *,
        leaves: int,
        reducible: bool,
        on_outcome: OnOutcome | None = None,
    ) -> None:
        self.fan_in = FanIn(leaves, policy=settings.completion, group_size=settings.group_size if reducible else None)
        self._worker = worker
        self._settings = settings
        self._on_outcome = on_outcome
        self._nodes: dict[str, Node] = {}
        self._cancelled = False
        self._budget_reached = False
        self._closing: EndReason | None = None
        self._started = 0.0
        self._store_away_since: float | None = None
        self._pool: Pool[Task, Outcome] = Pool(self._worker.run, tasks, cap=settings.concurrency, on_done=self._ended)

    @property
    def progress(self) -> Progress:
        """Where the run stands."""
        return self.fan_in.progress(self._pool.in_flight, self.elapsed_s)

    @property
    def reason(self) -> EndReason:
        """Why the run ended: why the map stage did, unless the reduction after it was cancelled."""
        reduction = self.fan_in.reduction
        unfinished = reduction is not None and reduction.root is None
        if self.fan_in.reason is None or (self._cancelled and unfinished):
            return EndReason.CANCELLED
        return self.fan_in.reason

    @property
    def elapsed_s(self) -> float:
        """Seconds since the run began."""
        return asyncio.get_running_loop().time() - self._started

    async def run(self) -> None:
        """Run to the end. Raises StoreError when state or artifacts fail: resume the job when they are back."""
        loop = asyncio.get_running_loop()
        self._started = loop.time()
        deadline_s = self._settings.completion.deadline_s
        alarm = loop.call_later(deadline_s, self._decide) if deadline_s is not None else None
        try:
            self._decide()
            await self._pool.join()
        finally:
            if alarm is not None:
                alarm.cancel()
        if self.fan_in.reason is None:
            raise _inputs_changed()

    def cancel(self) -> None:
        """Start nothing more and cancel what runs; claims are given back."""
        self._cancelled = True
        self._pool.cancel()
        self._decide()

    def _ended(self, task: Task, outcome: Outcome | None, error: BaseException | None) -> None:
        if isinstance(error, Busy | Deferred):
            wait_s = error.wait_s if isinstance(error, Deferred) else min(error.retry_after_s, _BUSY_POLL_S)
            self._later(error.task if isinstance(error, Deferred) else task, wait_s)
        elif isinstance(error, ClaimLost):
            self._later(task, _BUSY_POLL_S)
        elif isinstance(error, StoreUnavailable) and self._store_may_return():
            self._later(task, _STORE_POLL_S)
        elif isinstance(error, asyncio.CancelledError):
            self._decide()
        elif error is not None:
            raise error
        elif outcome is not None:
            self._take(task, outcome)

    def _later(self, task: Task, delay_s: float) -> None:
        """Run a task again, unless its stage is ending: a place that was closed cannot be filled any more."""
        if self._cancelled or (_is_map(task) and self._closing is not None):
            self._decide()
        else:
            self._pool.submit(task, delay_s=delay_s)

    def _store_may_return(self) -> bool:
        """Whether the store has been away for a moment only; a longer outage ends the run, which can be resumed."""
        now = asyncio.get_running_loop().time()
        self._store_away_since = self._store_away_since or now
        return now - self._store_away_since < _STORE_PATIENCE_S

    def _take(self, task: Task, outcome: Outcome) -> None:
        self._store_away_since = None
        if self._on_outcome is not None:
            self._on_outcome(task, outcome)
        if outcome.failure is not None and outcome.failure.kind is FailureClass.BUDGET:
            self._budget_reached = True
        if task.stage == "map":
            index = int(task.task_id.rpartition("-")[2])
            if index >= self.fan_in.leaves:
                raise _inputs_changed()
            group = self.fan_in.take_map(index, outcome)
        else:
            group = self.fan_in.take_reduce(self._nodes.pop(task.task_id), outcome)
        self._combine([group] if group is not None else [])
        self._decide()

    def _decide(self) -> None:
        """End the map stage when the policy says so, and close it once its last branch has gone."""
        fan_in = self.fan_in
        if fan_in.reason is not None:
            return
        if self._closing is None:
            self._closing = fan_in.decide(
                self.elapsed_s, cancelled=self._cancelled, budget_reached=self._budget_reached
            )
            if self._closing is None:
                return
            self._pool.stop_source()
            self._pool.drop(lambda task: _is_map(task) or self._closing is EndReason.TOLERANCE_EXCEEDED)
            if self._closing in _CANCELS_MAPS:
                self._pool.cancel(_is_map)
        if not any(map(_is_map, self._pool.running())):
            self._combine(fan_in.close(self._closing))

    def _combine(self, groups: list[Group]) -> None:
        for group in groups:
            if not group.coverage.balanced:
                raise StoreError(f"the coverage of {tree.task_id(group.node)} does not add up")
            too_little = group.coverage.fraction < self._settings.completion.min_coverage
            # Too many failures: there will be no result, so nothing more is paid for one.
            pointless = self._closing is EndReason.TOLERANCE_EXCEEDED
            if not (self._cancelled or pointless or (group.final and too_little)):
                self._pool.submit(self._reduce_task(group))

    def _reduce_task(self, group: Group) -> Task:
        task_id = tree.task_id(group.node)
        payloads = tuple(member.payload for member in group.members if member.payload is not None)
        job_id = self._settings.job_id
        self._nodes[task_id] = group.node
        return Task(
            job_id=job_id,
            task_id=task_id,
            key=ids.idempotency_key(job_id, task_id, payloads),
            stage="reduce",
            role="final" if group.final else "reduce",
            inputs=payloads,
            unlifted=tuple(index for index, member in enumerate(group.members) if not member.lifted),
            coverage=group.coverage,
            source=f"{len(payloads)} results",
            traceparent=trace.child(self._settings.traceparent),
        )


def _inputs_changed() -> InputError:
    return InputError(
        "inputs", "changed while the job ran", remedy="run the job again; what is finished is not repeated"
    )


def _is_map(task: Task) -> bool:
    return task.stage == "map"
