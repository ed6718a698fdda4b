"""From a job to what every runtime starts from: its id, its settings and what its inputs amount to."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from shared_agent.errors import InputError
from shared_agent.inputs import Skipped, read_documents
from shared_agent.spec import ids, trace, tree
from shared_agent.spec.chunking import chunk
from shared_agent.spec.document import Chunk
from shared_agent.spec.job import Job
from shared_agent.spec.payload import Inline
from shared_agent.spec.settings import JobSettings
from shared_agent.spec.task import Task
from shared_agent.spec.tree import Node


class Survey(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the inputs amount to. ``digest`` changes with any name or character of them. ``skipped``: files by reason."""

    documents: int
    chunks: int
    characters: int
    digest: str
    skipped: dict[str, int] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A job that was checked and whose inputs were read once. Relative paths are relative to ``base``."""

    job: Job
    base: Path
    survey: Survey
    settings: JobSettings

    @property
    def job_id(self) -> str:
        return self.settings.job_id

    async def tasks(self) -> AsyncIterator[Task]:
        """The map tasks, in input order, read lazily."""
        index = 0
        async for piece in chunks(self.job, self.base):
            yield map_task(self.settings, index, piece)
            index += 1


async def prepare(job: Job, base: Path) -> Submission:
    """Survey the inputs and name the job, by the content of its inputs and of the user's own agent file.

    Raises InputError for inputs that cannot be read or are empty.
    """
    survey = await take_survey(job, base)
    if not survey.chunks:
        raise InputError("inputs", "hold no text to work on", remedy="name at least one file that is not blank")
    agent = agent_file(job, base)
    code = await asyncio.to_thread(agent.read_bytes) if agent is not None and agent.is_file() else b""
    job_id = job.id or ids.job_id(job.name, job.fingerprint(survey.digest, ids.digest(code)))
    settings = settings_of(job, base, job_id)
    return Submission(job=job, base=base, survey=survey, settings=settings)


def agent_file(job: Job, base: Path) -> Path | None:
    """The user's own file that ``kind`` names, or None for a registered kind."""
    path, colon, _ = job.kind.rpartition(":")
    return (base / path).resolve() if colon and path.endswith(".py") else None


def settings_of(job: Job, base: Path, job_id: str) -> JobSettings:
    """The job as its workers see it; their current folder may be another, so the agent's file is given in full."""
    settings = job.settings(job_id, traceparent=trace.new())
    agent = agent_file(job, base)
    if agent is None:
        return settings
    return msgspec.structs.replace(settings, kind=f"{agent}:{job.kind.rpartition(':')[2]}")


async def take_survey(job: Job, base: Path) -> Survey:
    """Read all inputs once: count them, and digest their names and texts."""
    documents = pieces = characters = 0
    digest = ""
    skipped: Counter[str] = Counter()

    def count(passed_over: Skipped) -> None:
        skipped[passed_over.reason] += 1

    async for document in read_documents(job.inputs, base, on_skip=count):
        documents += 1
        characters += len(document.text)
        pieces += sum(1 for _ in chunk(document, job.chunking.max_tokens, job.chunking.chars_per_token))
        digest = ids.digest(digest, document.source, document.text)
    return Survey(documents=documents, chunks=pieces, characters=characters, digest=digest, skipped=dict(skipped))


async def chunks(job: Job, base: Path) -> AsyncIterator[Chunk]:
    """The pieces that the job's inputs are cut into, in input order."""
    async for document in read_documents(job.inputs, base):
        for piece in chunk(document, job.chunking.max_tokens, job.chunking.chars_per_token):
            yield piece


def map_task(settings: JobSettings, index: int, piece: Chunk) -> Task:
    """The map task of the ``index``-th piece."""
    task_id = tree.task_id(Node(0, index))
    return Task(
        job_id=settings.job_id,
        task_id=task_id,
        key=ids.idempotency_key(settings.job_id, task_id, [piece.source, piece.part, piece.text]),
        stage="map",
        inputs=(Inline(msgspec.to_builtins(piece)),),
        source=piece.label,
        traceparent=trace.child(settings.traceparent),
    )
