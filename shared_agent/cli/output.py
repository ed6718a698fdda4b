"""One JSON document on standard output, and nothing else there."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Generator
from typing import Any

import msgspec


def print_json(value: Any) -> None:
    """Print ``value`` as one line of JSON."""
    sys.stdout.flush()
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()


@contextlib.contextmanager
def kept_clean(wanted: bool) -> Generator[None]:
    """While it lasts, what a user's own agent prints goes to standard error, where ``wanted``."""
    if not wanted:
        yield
        return
    with contextlib.redirect_stdout(sys.stderr):
        yield
