"""Where the local runtime keeps its state: one folder, ``.shared-agent`` unless it is told otherwise."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

DEFAULT = Path(".shared-agent")


@dataclass(frozen=True, slots=True)
class Home:
    """The folder ``path``: state in SQLite, artifacts as files, a lock for each job."""

    path: Path

    @property
    def state_url(self) -> str:
        return f"sqlite:///{self.path.resolve() / 'state.db'}"

    @property
    def artifacts_url(self) -> str:
        return str(self.path / "artifacts")

    @contextlib.contextmanager
    def only_runner(self, job_id: str) -> Generator[bool]:
        """Whether this process is the one that runs the job while the block lasts.

        The system drops the lock when its holder dies, however it dies, so whoever gets it knows that earlier runners
        of the job are gone.
        """
        folder = self.path / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"{job_id}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
