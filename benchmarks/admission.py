"""The goals of ``benchmarks.limiter``, read from the table that it prints."""

from __future__ import annotations

import re

from benchmarks.goals import Goal

# Column → what it is held to: the text of the goal, its bound, its unit, and whether it is a lower bound.
_HELD_TO = {
    "used": ("admission: quota used under saturation", 0.99, "", True),
    "over grant": ("admission: granted beyond burst + rate * T, in % of the burst", 0.0, "%", False),
    "ratio": ("admission: longest wait of the large over the p99 of the small", 1.2, "", False),
    "trips/grant": ("admission: store round trips a grant", 1.0, "", False),
}
_OURS = "shared-agent"
_NAME_WIDTH, _WIDTH = 20, 12


def goals(output: str) -> list[Goal]:
    """One goal a column of the first table's row of ours; none where there is no such row."""
    lines = output.splitlines()
    header = next((number for number, line in enumerate(lines) if {*_HELD_TO} <= {*_columns(line)}), None)
    if header is None:
        return []
    row = next((line for line in lines[header:] if line.startswith(_OURS)), None)
    if row is None:
        return []
    cells = dict(zip(_columns(lines[header]), _columns(row), strict=True))
    return [Goal(what, _number(cells[column]), *rest) for column, (what, *rest) in _HELD_TO.items()]


def _columns(line: str) -> list[str]:
    return [line[start : start + _WIDTH].strip() for start in range(_NAME_WIDTH, len(line), _WIDTH)]


def _number(cell: str) -> float:
    found = re.search(r"-?[\d.]+", cell)
    return float(found[0]) if found else float("nan")
