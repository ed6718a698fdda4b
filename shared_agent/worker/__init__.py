"""The worker: ``Worker.run(task) -> Outcome``, the one path that every runtime calls, and what a user's handler is given.

Importing this imports no SDK, no pydantic and no store's client: a function that starts cold pays for its worker alone.
"""

from __future__ import annotations

from shared_agent.worker.context import Context
from shared_agent.worker.kinds import TaskKind
from shared_agent.worker.worker import Worker

__all__ = ["Context", "TaskKind", "Worker"]
