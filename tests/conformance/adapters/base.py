"""What a runtime must offer to be tested: submit, wait, cancel, kill, resume, redeliver, and a look at what it stored.

An adapter drives its runtime as a user would, through the public client. It gives every requirement a world of its own (no
state is shared between two adapters that were started), sets ``OPENAI_API_KEY`` to any value where its workers run, and
makes ``agents.py`` of ``AGENTS_FOLDER`` available to them. Workers should be warm when :meth:`Adapter.start` returns: some
requirements bound a job's time to a few seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from shared_agent.runtimes.result import JobResult
from shared_agent.spec.job import Job
from shared_agent.spec.outcome import Outcome
from shared_agent.spec.payload import Payload

AGENTS_FOLDER = Path(__file__).parents[1]
"""What ``kind: agents.py:NAME`` is relative to."""

RUNTIMES = {"local": "tests.conformance.adapters.local:LocalAdapter"}
"""Where each runtime's adapter is; a new runtime adds its line."""


class Run(Protocol):
    """One submission or resumption of a job."""

    @property
    def job_id(self) -> str: ...

    async def result(self) -> JobResult:
        """Wait until the job has ended."""
        ...


class Adapter(Protocol):
    """One runtime, for one requirement. Methods raise InputError where the runtime refuses a job."""

    async def start(self, folder: Path, *, killable: bool) -> None:
        """Set up an empty world; ``folder`` is free for use. ``killable``: :meth:`kill` will be called."""
        ...

    async def submit(self, job: Job) -> Run:
        """Submit a job, without waiting for it."""
        ...

    async def cancel(self, job_id: str) -> None:
        """Ask a running job to stop."""
        ...

    async def kill(self) -> None:
        """End every process that works on a job at once, as a power cut would (SIGKILL)."""
        ...

    async def resume(self, job_id: str) -> Run:
        """Go on with a job that was killed or cancelled."""
        ...

    async def redeliver(self, job_id: str, task_id: str) -> Outcome:
        """Deliver a map task's message once more, and again while it is refused as busy; the outcome it is acked with."""
        ...

    async def outcomes(self, job_id: str) -> Sequence[Outcome]:
        """The stored outcomes of the map tasks, in task order, as they travel."""
        ...

    async def unpack(self, payload: Payload) -> Any:
        """The value behind a payload."""
        ...

    async def read_output(self, name: str) -> str:
        """The text of one of the result's ``outputs``."""
        ...

    async def stop(self) -> None:
        """Tear the world down; called whatever happened."""
        ...


def open_adapter(runtime: str) -> Adapter:
    """The adapter of a runtime. Raises KeyError for an unknown one."""
    module, _, name = RUNTIMES[runtime].partition(":")
    return getattr(import_module(module), name)()
