"""Where jobs are kept, and what the command line changes of a job."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from shared_agent.errors import InputError
from shared_agent.runtimes.local.home import DEFAULT, Home
from shared_agent.spec.job import Job
from shared_agent.stores import StateStore, open_state

# Their servers and files are made by whoever opens them.
_LOCAL_SCHEMES = ("memory:", "sqlite:", "valkey:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What the command line changes of the job file."""

    inputs: tuple[str, ...] = ()
    model: str | None = None
    concurrency: int | None = None
    out: Path | None = None

    def apply(self, job: Job) -> Job:
        """The changed job, checked again as a whole."""
        data = job.model_dump(exclude_unset=True)
        if self.inputs:
            data["inputs"] = [word if "://" in word else _from_here(word) for word in self.inputs]
        if self.model is not None:
            if not self.model:
                raise InputError("--model", "is empty", remedy="`shared-agent models` lists what there is")
            data["models"] = self.model
        if self.concurrency is not None:
            data["concurrency"] = self.concurrency
        if self.out is not None:
            data["output"] = {"dir": str(self.out.expanduser().resolve())}
        return Job.parse(data)


def _from_here(word: str) -> dict[str, str]:
    """A path relative to the current folder, not to the job file; documents are named as it was typed."""
    if not word:
        raise InputError("--inputs", "is empty", remedy="name a file, a folder, a glob or a URI")
    return {"path": str(Path.cwd() / Path(word).expanduser()), "source": word.rstrip("/")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where jobs are kept: a home folder, and shared state elsewhere if ``state`` names it."""

    home: Path
    state: str = ""

    @property
    def has_jobs(self) -> bool:
        """Whether there may be jobs here, without making anything."""
        return bool(self.state) or (self.home / "state.db").exists()

    @property
    def options(self) -> str:
        """The options that name this place in another command, with a space before."""
        told = self.home in {DEFAULT, Path(os.environ.get("SHARED_AGENT_HOME", DEFAULT))}
        words = [] if told else ["--home", str(self.home)]
        if self.state and self.state != os.environ.get("SHARED_AGENT_STATE"):
            words += ["--state", "URL" if "@" in self.state else self.state]  # no password is ever printed
        return f" {shlex.join(words)}" if words else ""

    async def check(self) -> None:
        """Raise what opening the state would, as far as that can be known without making anything."""
        remote = "://" in self.state and bool(urlsplit(self.state).netloc)
        if not remote and self.state.startswith(_LOCAL_SCHEMES):
            return
        if not self.has_jobs:
            return
        state = self.open_state()
        try:
            await state.get("job/")
        finally:
            await state.aclose()

    def open_state(self) -> StateStore:
        """The state store. Raises InputError when there is no job here yet."""
        if not self.has_jobs:
            raise InputError("home", f"there are no jobs in {self.home}", remedy="run one first, or name its --home")
        return open_state(self.state or Home(self.home).state_url)
