"""What a benchmark is held to, and whether it was met: the last lines of every benchmark and of their summary."""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec


class Goal(msgspec.Struct, frozen=True):
    """One figure against its bound: at most ``bound``, or at least it when ``at_least``."""

    what: str
    measured: float
    bound: float
    unit: str = ""
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound


def parser(module: str, what: str, quick: str) -> argparse.ArgumentParser:
    """The options that every benchmark takes; ``quick`` says what ``--quick`` leaves out."""
    options = argparse.ArgumentParser(prog=f"python -m {module}", description=what)
    options.add_argument("--quick", action="store_true", help=quick)
    options.add_argument("--goals", type=Path, metavar="FILE", help="write the goals as JSON lines to FILE")
    return options


def close(goals: list[Goal], file: Path | None) -> None:
    """Print the goals of one benchmark, and hand them to whoever sums up several."""
    print("\n" + table(goals), flush=True)
    if file is not None:
        file.write_bytes(b"\n".join(map(msgspec.json.encode, goals)))


def read(file: Path) -> list[Goal]:
    """The goals that a benchmark wrote; none where it did not get that far."""
    if not file.exists():
        return []
    return [msgspec.json.decode(line, type=Goal) for line in file.read_bytes().splitlines()]


def table(goals: list[Goal]) -> str:
    """Figure, bound and verdict, a line each."""
    lines = [f"{'goal':<72}{'measured':>12}{'bound':>14}"]
    for goal in goals:
        bound = f"{'>=' if goal.at_least else '<='} {goal.bound:g} {goal.unit}".rstrip()
        lines.append(f"{goal.what:<72}{goal.measured:>12.4g}{bound:>14}   {'met' if goal.met else 'NOT MET'}")
    return "\n".join(lines)
