"""The plain lines by which a text says how it was made and what it leaves out.

    body …                                   what the model selected
    Not covered: report-7.txt                one line a gap, carried up through every reduction
    [extractive: sentences selected …]       one marker, always last

A reduction reads texts that already carry these lines. They are taken off first and put back once at the end, so
that no marker is ever ranked as a sentence or repeated, and no gap is lost on the way up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MARKER = "[extractive: sentences selected from the input, not written]"
NOTHING = "[extractive: the input held no sentence to select]"
NO_ANSWER = "[extractive: no sentence of the input scored as an answer]"
NOT_FOUND = "The passages do not answer the question."

_GAP = "Not covered: "
_MARKERS = (MARKER, NOTHING, NO_ANSWER)


@dataclass(frozen=True, slots=True)
class Stripped:
    """A text without its notices, and the gaps those notices named, in order."""

    body: str
    gaps: tuple[str, ...]


def strip(text: str) -> Stripped:
    """Take the notices off a text; one that carries none comes back unchanged."""
    if not any(notice in text for notice in (*_MARKERS, _GAP)):
        return Stripped(text, ())
    for marker in _MARKERS:
        text = text.replace(marker, "")
    lines: list[str] = []
    gaps: list[str] = []
    for line in text.split("\n"):
        if line.startswith(_GAP):
            gaps.append(line.removeprefix(_GAP).strip())
        else:
            lines.append(line)
    return Stripped("\n".join(lines).strip(), tuple(gap for gap in gaps if gap))


def attach(body: str, gaps: Iterable[str] = (), marker: str = MARKER) -> str:
    """Put the notices under ``body``: each distinct gap once, then the marker."""
    body = body.strip()
    parts = [body] if body else []
    parts += dict.fromkeys(_GAP + " ".join(gap.split()) for gap in gaps if gap.strip())
    parts.append(marker if body else NOTHING)
    return "\n\n".join(parts)
