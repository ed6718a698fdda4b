"""A task kind: what a worker does with a task. Built-in ones live in ``handlers``; users register their own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from shared_agent.models.types import Purpose
from shared_agent.spec.document import Chunk
from shared_agent.spec.settings import JobSettings
from shared_agent.worker.context import Context

MapHandler = Callable[[Context, Chunk], Awaitable[Any]]
"""Turns one chunk into a JSON value."""

ReduceHandler = Callable[[Context, Sequence[Any]], Awaitable[Any]]
"""Combines lifted values, in input order, into one of the same shape. ``context.coverage`` says what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskKind:
    """What to do with the tasks of a job.

    ``lift`` turns a map value into the shape that ``reduce`` takes and gives, so that any level of the tree combines
    like with like; without it the two shapes are the same. Without ``reduce`` the job's result is the list of map values.
    ``finish`` shapes the root's value for the reader. ``calls``: ``"one"`` says that the handler makes a single model call
    and nothing else worth remembering, which saves a write a task. ``check`` refuses bad options before anything starts, by
    raising InputError. ``ask_map`` and ``ask_reduce`` tell the planner what the model will be asked;
    ``ask_map`` gives several purposes where the handler makes several calls on a chunk.
    """

    name: str
    map: MapHandler
    reduce: ReduceHandler | None = None
    lift: Callable[[Any], Any] | None = None
    finish: Callable[[Any], Any] | None = None
    calls: Literal["one", "many"] = "many"
    check: Callable[[JobSettings], None] | None = None
    ask_map: Callable[[JobSettings, Chunk], Purpose | Sequence[Purpose]] | None = None
    ask_reduce: Callable[[JobSettings, Sequence[Any]], Purpose] | None = None

    def lifted(self, value: Any) -> Any:
        """A map value in the shape that the reducer takes."""
        return self.lift(value) if self.lift is not None else value

    def reduced_by(
        self,
        reduce: ReduceHandler,
        *,
        lift: Callable[[Any], Any] | None = None,
        finish: Callable[[Any], Any] | None = None,
    ) -> TaskKind:
        """The same kind with a reducer."""
        return replace(self, reduce=reduce, lift=lift, finish=finish)
