"""W3C Trace Context as pure text: one trace a job, one span a task and a call (https://www.w3.org/TR/trace-context/)."""

from __future__ import annotations

import os
import re

_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")


def new() -> str:
    """A traceparent that starts a new, sampled trace."""
    return f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01"


def child(parent: str) -> str:
    """A new span in the trace of ``parent``; a new trace where ``parent`` is not a valid traceparent."""
    match = _TRACEPARENT.fullmatch(parent)
    if match is None:
        return new()
    return f"00-{match[1]}-{os.urandom(8).hex()}-{match[3]}"


def trace_id(traceparent: str) -> str:
    """The 32 hex digits that a whole job shares, or ``""``."""
    match = _TRACEPARENT.fullmatch(traceparent)
    return match[1] if match else ""
