"""The unit of work that one worker executes, as it travels through queues and state machines."""

from __future__ import annotations

from typing import Literal

import msgspec

from shared_agent.spec.admission import Ticket
from shared_agent.spec.coverage import Coverage
from shared_agent.spec.payload import Payload
from shared_agent.spec.settings import Role


class Task(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One map or reduce task of a job.

    ``key`` is the idempotency key it is claimed under. ``inputs`` holds one payload for a map task (the chunk) and one
    for each child for a reduce task, in input order. ``unlifted`` are the positions of a reduce task's inputs that are map
    values still. ``coverage`` says what a reducer's inputs stand on. ``deadline`` is in seconds since the epoch.
    ``traceparent`` is W3C Trace Context. ``tries``: transient failures of the call at which it was last handed back.
    """

    job_id: str
    task_id: str
    key: str
    stage: Literal["map", "reduce"]
    inputs: tuple[Payload, ...]
    unlifted: tuple[int, ...] = ()
    version: int = 1
    role: Role = "map"
    source: str = ""
    coverage: Coverage = Coverage()
    deadline: float | None = None
    traceparent: str = ""
    tickets: tuple[Ticket, ...] = ()
    tries: int = 0
