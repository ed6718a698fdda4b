"""Where task kinds are found by name: the built-in ones, and the user's own.

A user's agent is an async function::

    @handler("headline")
    async def headline(context, chunk):
        reply = await context.complete(f"One headline for:\\n{chunk.text}")
        return reply.text

A job names it as ``kind: headline`` once the module is imported, or as ``kind: path/to/agent.py:headline``, which imports
it.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Literal

from shared_agent.errors import InputError
from shared_agent.spec import ids
from shared_agent.spec.settings import JobSettings
from shared_agent.worker.kinds import MapHandler, TaskKind

_BUILT_IN = ("answer", "classify", "extract", "judge", "summarise")
_kinds: dict[str, TaskKind] = {}


def register(kind: TaskKind) -> TaskKind:
    """Make a kind known by its name; a later registration of the same name replaces the earlier one."""
    _kinds[kind.name] = kind
    return kind


def handler(name: str, *, calls: Literal["one", "many"] = "many") -> Callable[[MapHandler], TaskKind]:
    """Register an async function ``(context, chunk) -> JSON value`` as the task kind ``name``.

    The decorated name becomes the :class:`TaskKind`; give it a reducer with ``register(kind.reduced_by(combine))``.
    ``calls="one"`` promises that it makes one model call and nothing else worth remembering.
    """

    def decorate(function: MapHandler) -> TaskKind:
        return register(TaskKind(name=name, map=function, calls=calls))

    return decorate


def kinds() -> list[str]:
    """The names of all known kinds."""
    _load_built_in()
    return sorted(_kinds)


def resolve(settings: JobSettings) -> TaskKind:
    """The task kind of a job. Raises InputError naming the field ``kind`` when there is none of that name."""
    return find(settings.kind)


def find(name: str) -> TaskKind:
    """The task kind called ``name``, or ``path/to/agent.py:name``."""
    path, colon, kind_name = name.rpartition(":")
    if colon and path.endswith(".py"):
        _import(Path(path))
        name = kind_name
    elif name in _BUILT_IN:
        _load_built_in()
    if name not in _kinds:
        raise InputError(
            "kind",
            f"there is no task kind {name!r}",
            remedy=f"use one of {', '.join(kinds())}, or path/to/agent.py:name for your own",
        )
    return _kinds[name]


def _load_built_in() -> None:
    from shared_agent.handlers import answer, classify, extract, judge, summarise

    for module in (answer, classify, extract, judge, summarise):
        _kinds.setdefault(module.KIND.name, module.KIND)


def _import(path: Path) -> ModuleType:
    """Import a user's file once, under a name of its own, with its folder importable."""
    file = path.resolve()
    if not file.is_file():
        raise InputError("kind", f"there is no file {path}", remedy="give a path relative to the job file")
    name = f"shared_agent_user_{ids.digest(str(file))[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise InputError("kind", f"{path} cannot be imported", remedy="give a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    if str(file.parent) not in sys.path:
        sys.path.append(str(file.parent))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # a script may end itself where it is only to be imported
        del sys.modules[name]
        raise InputError("kind", f"{path} fails on import: {type(error).__name__}: {error}", remedy="fix it") from error
    return module
