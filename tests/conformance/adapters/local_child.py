"""Runs one job on the local runtime, in a process that can be killed: ``local_child HOME JOB_FILE``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from shared_agent.runtimes.local.home import Home
from shared_agent.runtimes.local.runtime import LocalRuntime
from shared_agent.runtimes.submission import prepare
from shared_agent.spec.job import Job
from tests.conformance.adapters.base import AGENTS_FOLDER


async def main(home: Path, job_file: Path) -> None:
    job = Job.model_validate_json(job_file.read_bytes())
    await LocalRuntime(home=Home(home)).run(await prepare(job, AGENTS_FOLDER))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
