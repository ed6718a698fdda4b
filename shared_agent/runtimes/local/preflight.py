"""What can be found wrong with a job before its inputs are read and before anything is written: seconds, not hours, into it.

    kind ─► its options ─► limits ─► each role's model: provider, extra, key, price ─► home and output folders

Models are opened as a worker opens them, which makes no request, and closed again.
"""

from __future__ import annotations

import os
from pathlib import Path

from shared_agent.errors import InputError
from shared_agent.handlers import resolve
from shared_agent.runtimes.submission import settings_of
from shared_agent.spec.job import Job
from shared_agent.spec.settings import JobSettings, Role
from shared_agent.stores.memory import MemoryState
from shared_agent.worker.jobs import JobRuntime, roles


async def check(job: Job, base: Path, home: Path) -> None:
    """Raise InputError naming the first field that would stop ``job`` from running on this machine."""
    settings = settings_of(job, base, "preflight")
    kind = resolve(settings)
    runtime = JobRuntime(settings, kind, state=MemoryState(), worker="preflight", max_wait_s=None)
    try:
        for role in roles(settings, kind):
            _open(runtime, settings, role)
    finally:
        await runtime.aclose()
    check_folder("home", home, "name a folder that you may write to with --home")
    if job.output.dir is not None:
        check_folder("output.dir", base / job.output.dir, "name a folder that you may write to, here or with --out")
    else:
        check_folder("output.dir", Path("out"), "run it in a folder that you may write to, or name one with --out")


def check_folder(field: str, folder: Path, remedy: str) -> None:
    """Raise InputError unless ``folder`` can be written to, or made where it is not there yet. Makes nothing."""
    nearest = next(place for place in (folder.absolute(), *folder.absolute().parents) if _exists(place))
    if not nearest.is_dir():
        raise InputError(field, f"{str(nearest)!r} is a file, not a folder", remedy=remedy)
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise InputError(field, f"{str(nearest)!r} cannot be written to", remedy=remedy)


def _exists(place: Path) -> bool:
    return os.path.lexists(place)


def _open(runtime: JobRuntime, settings: JobSettings, role: Role) -> None:
    name = settings.models.name(role)
    try:
        runtime.target(role)
    except InputError as error:
        raise in_job_words(error, f"models.{role}", name) from error


def in_job_words(error: InputError, field: str, model: str) -> InputError:
    """What is wrong with a model, in the words of a job file; ``field`` is where it names the model."""
    message = error.message.removeprefix(f"{error.field}: ")
    if error.field == "model" and error.remedy.startswith("state it: prices:"):
        remedy = (
            f"correct the name, or state its price: model_options: {{{model!r}: {{prices: "
            "{input_per_mtok: …, output_per_mtok: …}}} in USD a million tokens, 0 for a server of your own"
        )
        return InputError(field, message, remedy=remedy)
    if error.field == "model":
        return InputError(field, message, remedy=error.remedy.replace(", or pass api_key", ""))
    if error.field.startswith("prices."):
        return InputError(f"model_options.{model}.prices", message, remedy=error.remedy)
    if error.field.startswith("options"):
        return InputError(f"model_options.{model}.{error.field}", message, remedy=error.remedy)
    return error
