"""Exit codes, and how errors end: one line on standard error that names the field and the remedy."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import typer
from typer import TyperException

from shared_agent.cli.interrupts import CANCELLED, flush
from shared_agent.errors import InputError, SharedAgentError, StoreError

if TYPE_CHECKING:
    from shared_agent.runtimes.result import JobResult

COMPLETE = 0
FAILED = 1
BAD_INPUT = 2
INCOMPLETE = 3
UNAVAILABLE = 4
INTERNAL = 70

EXPLAINED = (
    "Exit codes: 0 complete · 1 failed · 2 bad input, nothing started · 3 incomplete: a result that says what it does not "
    "cover · 4 a store or server could not be reached · 70 a fault of shared-agent · 130 cancelled"
)


def of(result: JobResult) -> int:
    """The exit code that a job's end means."""
    return {"complete": COMPLETE, "incomplete": INCOMPLETE, "cancelled": CANCELLED}.get(result.status, FAILED)


def guarded(command: Callable[[], Any]) -> int:
    """Run a command; every error becomes one line and an exit code. ``SHARED_AGENT_DEBUG=1`` lets tracebacks through."""
    try:
        returned = command()
        code = returned if isinstance(returned, int) else COMPLETE
        sys.stdout.flush()
    except (KeyboardInterrupt, typer.Abort):
        code = CANCELLED
    except BrokenPipeError:
        code = COMPLETE  # whoever read the output has seen enough
    except Exception as error:
        if os.environ.get("SHARED_AGENT_DEBUG"):
            raise
        code = tell(error)
    flush(sys.stdout)
    flush(sys.stderr)
    return code


def tell(error: Exception) -> int:
    """Print the one line of an error; returns its exit code."""
    if isinstance(error, TyperException):
        code, line = BAD_INPUT, _usage(error)
    elif isinstance(error, SharedAgentError):
        code = BAD_INPUT if isinstance(error, InputError) else UNAVAILABLE if isinstance(error, StoreError) else FAILED
        line = str(error)
    else:
        code = INTERNAL
        line = f"{type(error).__name__}: {error} (a fault of shared-agent; SHARED_AGENT_DEBUG=1 shows where)"
    if line:
        say(f"shared-agent: {' '.join(line.split())}")
    return code


def say(line: str) -> None:
    """A line on standard error; a run does not end because nobody reads it."""
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        flush(sys.stderr)


def _usage(error: TyperException) -> str:
    message = error.format_message()
    context = getattr(error, "ctx", None)
    if not message or context is None:
        return message  # `shared-agent` alone: its help has been printed
    return f"{message.rstrip('.')} (see `{context.command_path} --help`)"
