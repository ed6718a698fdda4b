"""What a job's runner tells the world while it runs, and what others may tell it: one small record in shared state."""

from __future__ import annotations

from typing import Literal

import msgspec

from shared_agent.runtimes.result import JobResult
from shared_agent.spec.usage import Usage
from shared_agent.stores.state import KEEP, StateStore, Written

STALE_S = 5.0
"""Seconds without a word after which a runner is taken to be gone."""


class Progress(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A job on its way. ``reduced`` of ``reduces`` reduce tasks are done; ``eta_s`` is the predicted rest in seconds."""

    total: int = 0
    succeeded: int = 0
    failed: int = 0
    skipped: int = 0
    in_flight: int = 0
    reduced: int = 0
    reduces: int = 0
    usage: Usage = Usage()
    elapsed_s: float = 0.0
    eta_s: float | None = None

    @property
    def done(self) -> int:
        return self.succeeded + self.failed + self.skipped


class JobRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A job as the state store knows it. ``base`` is what its paths are relative to;
    ``rules`` is a digest of how it was to run, so that a changed budget or policy is noticed.
    """

    job_id: str
    state: Literal["running", "ended"]
    version: int = 1
    name: str = ""
    runner: str = ""
    base: str = ""
    inputs_digest: str = ""
    rules: str = ""
    submitted_at: float = 0.0
    updated_at: float = 0.0
    cancel_requested: bool = False
    progress: Progress = Progress()
    result: JobResult | None = None


def job_path(job_id: str) -> str:
    """Where the job itself lies among the artifacts: it may be large, and the record is written several times a second."""
    return f"jobs/{job_id}/job.json"


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(JobRecord)


async def read(store: StateStore, job_id: str) -> JobRecord | None:
    """The record of a job, or None when it was never submitted here."""
    data = await store.get(_key(job_id))
    return _decoder.decode(data) if data is not None else None


async def all_jobs(store: StateStore) -> list[JobRecord]:
    """Every job known to the store, the newest first."""
    records = [_decoder.decode(data) async for _, data in store.scan(_key(""))]
    return sorted(records, key=lambda record: -record.submitted_at)


async def write(store: StateStore, record: JobRecord) -> bool:
    """Write the runner's view, keeping what others asked of it; returns whether cancellation was requested.

    What was asked of an earlier runner, which died before it noticed, does not bear on this one.
    """

    def merge(current: bytes | None, now: float) -> tuple[Written, bool]:
        known = _decoder.decode(current) if current is not None else None
        asked = known is not None and known.cancel_requested and known.runner == record.runner
        stays_asked = asked and record.state == "running"
        updated = msgspec.structs.replace(record, updated_at=now, cancel_requested=stays_asked)
        return _encoder.encode(updated), asked

    return await store.update(_key(record.job_id), merge)


async def request_cancel(store: StateStore, job_id: str) -> bool:
    """Ask the runner of a running job to stop. Returns False when the job is not running."""

    def ask(current: bytes | None, now: float) -> tuple[Written, bool]:
        record = _decoder.decode(current) if current is not None else None
        if record is None or record.state != "running":
            return KEEP, False
        return _encoder.encode(msgspec.structs.replace(record, cancel_requested=True)), True

    return await store.update(_key(job_id), ask)


def _key(job_id: str) -> str:
    return f"job/{job_id}"
