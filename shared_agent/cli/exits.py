"""Exit codes, and how errors end: one line on standard error that names the field and the remedy."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from typer import TyperException

from shared_agent.errors import InputError, SharedAgentError, StoreError

if TYPE_CHECKING:
    from shared_agent.runtimes.result import JobResult

COMPLETE = 0
FAILED = 1
BAD_INPUT = 2
INCOMPLETE = 3
UNAVAILABLE = 4
INTERNAL = 70
CANCELLED = 130

EXPLAINED = """\
exit codes: 0 complete · 1 failed · 2 bad input, nothing started · 3 incomplete: there is a result, labelled with what
it does not cover · 4 a store or server could not be reached · 70 a fault of shared-agent · 130 cancelled"""


def of(result: JobResult) -> int:
    """The exit code that a job's end means."""
    return {"complete": COMPLETE, "incomplete": INCOMPLETE, "cancelled": CANCELLED}.get(result.status, FAILED)


@contextmanager
def no_traceback() -> Generator[None]:
    """Turn errors into one line and an exit code. ``SHARED_AGENT_DEBUG=1`` lets the traceback through."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(CANCELLED)
    except BrokenPipeError:
        # Whoever read our output has gone; there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(COMPLETE)
    except Exception as error:
        if os.environ.get("SHARED_AGENT_DEBUG"):
            raise
        sys.exit(tell(error))


def tell(error: Exception) -> int:
    """Print the one line of an error; returns its exit code."""
    if isinstance(error, TyperException):
        code, line = BAD_INPUT, error.format_message()
    elif isinstance(error, SharedAgentError):
        code = BAD_INPUT if isinstance(error, InputError) else UNAVAILABLE if isinstance(error, StoreError) else FAILED
        line = str(error)
    else:
        code = INTERNAL
        line = f"{type(error).__name__}: {error} (a fault of shared-agent; SHARED_AGENT_DEBUG=1 shows where)"
    print(f"shared-agent: {' '.join(line.split())}", file=sys.stderr)
    return code
