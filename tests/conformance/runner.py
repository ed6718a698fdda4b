"""Carries out one requirement on one runtime and gathers what there is to see.

requirement ─► provider + adapter ─► steps, in order ─► Observation ─► checks.failures
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from shared_agent.errors import InputError
from shared_agent.runtimes.result import JobResult
from shared_agent.spec.job import Job
from shared_agent.spec.outcome import Outcome
from tests.conformance.adapters.base import Adapter, Run, open_adapter
from tests.conformance.provider import ConformanceProvider, Log
from tests.conformance.requirement import Given, Redeliver, Requirement, Step, Submit, Until

MODEL = "openai:conformance"
PATIENCE_S = 60.0
"""Seconds after which a step that has not happened is a failure of the runtime."""

DEFAULTS: dict[str, Any] = {
    "models": MODEL,
    "model_options": {MODEL: {"base_url": "$PROVIDER/v1", "prices": {"input_per_mtok": 1.0, "output_per_mtok": 2.0}}},
    "retry": {"attempts": 4, "base_s": 0.01, "cap_s": 0.05},
    "timeouts": {"call_s": 30, "lease_s": 30},
}
"""What every job of the suite starts from; ``$PROVIDER`` stands for the provider's address."""

T = TypeVar("T")


@dataclass
class Observation:
    """What was seen. ``started`` counts the runs that were begun, killed ones included."""

    log: Log
    results: list[JobResult] = field(default_factory=list)
    job_ids: list[str] = field(default_factory=list)
    refusals: list[InputError] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    redelivered: list[Outcome] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    started: int = 0


async def observe(requirement: Requirement, runtime: str) -> Observation:
    """Run the requirement's steps on ``runtime``. Raises what the runtime raises, other than a refusal of the job."""
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
        async with (
            ConformanceProvider(requirement.given.provider) as provider,
            _world(requirement, runtime, folder) as world,
        ):
            scene = _Scene(requirement.given, provider, world)
            for step in requirement.steps:
                await scene.play(step)
            return await scene.close()


@contextlib.asynccontextmanager
async def _world(requirement: Requirement, runtime: str, folder: str) -> AsyncIterator[Adapter]:
    adapter = open_adapter(runtime)
    await adapter.start(Path(folder), killable=requirement.kills)
    try:
        yield adapter
    finally:
        await adapter.stop()


class _Scene:
    """One requirement on its way."""

    def __init__(self, given: Given, provider: ConformanceProvider, adapter: Adapter) -> None:
        self._given = given
        self._provider = provider
        self._adapter = adapter
        self._open: list[Run] = []
        self._redeliveries: list[asyncio.Task[Outcome]] = []
        self._seen = Observation(log=provider.log)

    async def play(self, step: Step) -> None:
        if step.submit is not None:
            await self._submit(step.submit)
        elif step.until is not None:
            await self._until(step.until)
        elif step.redeliver is not None:
            self._redeliver(step.redeliver)
        elif step.pause is not None:
            await asyncio.sleep(step.pause)
        elif step.release:
            self._provider.release()
        elif step.wait:
            await self._wait()
        elif step.cancel:
            await _patiently("the job took no cancellation", self._adapter.cancel(self._seen.job_ids[-1]))
        elif step.kill:
            await self._adapter.kill()
            self._open.clear()
        elif step.resume:
            await self._begin(self._adapter.resume(self._seen.job_ids[-1]))

    async def close(self) -> Observation:
        """Read what is stored, once everything has ended."""
        seen = self._seen
        await self._wait()
        seen.redelivered = await _patiently("a redelivery did not end", asyncio.gather(*self._redeliveries))
        for job_id in dict.fromkeys(seen.job_ids):
            seen.outcomes += await self._adapter.outcomes(job_id)
        for outcome in seen.outcomes:
            if outcome.value is not None:
                seen.values[outcome.source] = await self._adapter.unpack(outcome.value)
            if outcome.failure is not None and outcome.failure.detail is not None:
                seen.details[outcome.source] = await self._adapter.unpack(outcome.failure.detail)
        for name in seen.results[-1].outputs if seen.results else ():
            seen.outputs[name] = await self._adapter.read_output(name)
        return seen

    async def _submit(self, submit: Submit) -> None:
        texts = submit.inputs or self._given.inputs
        data = _merged(DEFAULTS, self._given.job, submit.job)
        data["inputs"] = [item for text in texts for item in text.expand()]
        try:
            job = Job.parse(_with_address(data, self._provider.url))
        except InputError as refusal:
            self._seen.refusals.append(refusal)
            return
        await self._begin(self._adapter.submit(job))

    async def _begin(self, starting: Awaitable[Run]) -> None:
        try:
            run = await _patiently("the job was not taken", starting)
        except InputError as refusal:
            self._seen.refusals.append(refusal)
            return
        self._open.append(run)
        self._seen.job_ids.append(run.job_id)
        self._seen.started += 1

    async def _wait(self) -> None:
        for run in self._open:
            try:
                self._seen.results.append(await _patiently("the job did not end", run.result()))
            except InputError as refusal:
                self._seen.refusals.append(refusal)
        self._open.clear()

    async def _until(self, until: Until) -> None:
        log = self._provider.log

        def reached() -> bool:
            wanted = ((until.calls, len(log.calls)), (until.answered, len(log.answered)), (until.held, log.held))
            return all(number is None or there >= number for number, there in wanted)

        await _patiently(f"this was never reached: {until.model_dump(exclude_none=True)}", _poll(reached))

    def _redeliver(self, redeliver: Redeliver) -> None:
        for _ in range(redeliver.copies):
            delivery = self._adapter.redeliver(self._seen.job_ids[-1], redeliver.task)
            self._redeliveries.append(asyncio.ensure_future(delivery))


async def _poll(reached: Callable[[], bool]) -> None:
    while not reached():
        await asyncio.sleep(0.01)


async def _patiently(complaint: str, happening: Awaitable[T]) -> T:
    began = time.monotonic()
    try:
        return await asyncio.wait_for(happening, PATIENCE_S)
    except TimeoutError:
        if time.monotonic() - began < PATIENCE_S:
            raise
        raise AssertionError(f"{complaint} within {PATIENCE_S:g} s") from None


def _merged(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings laid over one another, the later ones on top."""
    result: dict[str, Any] = {}
    for layer in layers:
        for name, value in layer.items():
            under = result.get(name)
            both = isinstance(under, dict) and isinstance(value, Mapping)
            result[name] = _merged(under, value) if both else copy.deepcopy(value)
    return result


def _with_address(value: Any, url: str) -> Any:
    if isinstance(value, dict):
        return {key: _with_address(item, url) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_address(item, url) for item in value]
    return value.replace("$PROVIDER", url) if isinstance(value, str) else value
