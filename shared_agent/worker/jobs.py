"""What a worker keeps open for one job: its kind, models, limits, breakers, budget and timeouts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

from shared_agent.errors import InputError
from shared_agent.limits import open_limiter
from shared_agent.models import open_model
from shared_agent.spec.settings import JobSettings, ModelOptions, Role
from shared_agent.spec.task import Task
from shared_agent.stores.state import StateStore
from shared_agent.worker.breaker import Breakers
from shared_agent.worker.budget import BudgetGuard
from shared_agent.worker.calls import Calls, Target
from shared_agent.worker.kinds import TaskKind
from shared_agent.worker.tools import Tools
from shared_agent.worker.watchdog import Watchdog

_DEFAULT_OPTIONS = ModelOptions()
_COMBINING: tuple[Role, ...] = ("reduce", "final")


def roles(settings: JobSettings, kind: TaskKind) -> list[Role]:
    """The roles whose models the job will ask, as far as can be told without running it."""
    own = kind.ask_map is None
    chosen: list[Role] = []
    # One's own agent may ask no model at all: the default must then not be demanded of the machine.
    if not own or settings.models.map != "embedded":
        chosen.append("map")
    if kind.reduce is not None and settings.reduce:
        chosen.extend(role for role in _COMBINING if getattr(settings.models, role))
    if settings.models.judge:
        chosen.append("judge")
    return chosen


class JobRuntime:
    """One job inside one worker."""

    def __init__(
        self, settings: JobSettings, kind: TaskKind, *, state: StateStore, worker: str, max_wait_s: float | None
    ) -> None:
        self.settings = settings
        self.kind = kind
        if kind.check is not None:
            kind.check(settings)
        breakers = Breakers(state, failures=settings.breaker_failures, cooldown_s=settings.breaker_cooldown_s)
        budget = None
        if settings.budget is not None:
            scope = settings.budget.scope or settings.job_id
            budget = BudgetGuard(state, settings.budget, scope=scope, owner=worker)
        self._limiter = open_limiter(settings.limits, state)
        self.calls = Calls(
            limiter=self._limiter,
            breakers=breakers,
            budget=budget,
            retry=settings.retry,
            timeout_s=settings.call_timeout_s,
            max_wait_s=max_wait_s,
        )
        self.tools = Tools(breakers=breakers, retry=settings.retry, max_wait_s=max_wait_s)
        self._targets: dict[str, Target] = {}
        branch_timeout_s = settings.completion.branch_timeout_s
        self._branches = Watchdog(branch_timeout_s) if branch_timeout_s is not None else None

    def target(self, role: Role) -> Target:
        """The model that plays ``role``, with the limits its calls stand under."""
        name = self.settings.models.name(role)
        target = self._targets.get(name)
        if target is None:
            options = self.settings.model_options.get(name, _DEFAULT_OPTIONS)
            prices = {"prices": {name: dict(options.prices)}} if options.prices else {}
            model = open_model(name, base_url=options.base_url or None, options={**options.options, **prices})
            target = self._targets[name] = Target(model=model, limits=self._limits_of(name))
        return target

    def open_models(self) -> None:
        """Open the models that will be asked. It imports their SDKs, which takes seconds that no task should lose."""
        for role in roles(self.settings, self.kind):
            self.target(role)

    @contextlib.asynccontextmanager
    async def time_limit(self, task: Task, deadline: float | None) -> AsyncGenerator[None]:
        """Raises TimeoutError in its block at the branch timeout, or at the task's own deadline where it has one."""
        if task.deadline is not None:
            async with asyncio.timeout_at(deadline):
                yield
        elif self._branches is not None:
            with self._branches.guard():
                yield
        else:
            yield

    def deadline(self, task: Task, started_at: float) -> float | None:
        """When the task must be over, in event-loop seconds: the branch timeout or the job's deadline."""
        now = asyncio.get_running_loop().time()
        branch_timeout_s = self.settings.completion.branch_timeout_s
        ends = [now + branch_timeout_s] if branch_timeout_s is not None else []
        if task.deadline is not None:
            ends.append(now + task.deadline - started_at)
        return min(ends, default=None)

    async def aclose(self) -> None:
        """Close the models' connections and the limiter."""
        for target in self._targets.values():
            await target.model.aclose()
        await self._limiter.aclose()

    def _limits_of(self, name: str) -> tuple[str, ...]:
        known = {limit.name for limit in self.settings.limits}
        chosen = self.settings.limits_of(name)
        for limit in chosen:
            if limit not in known:
                raise InputError(f"model_options.{name}.limits", f"names {limit!r}", remedy="define it under limits")
        return chosen
