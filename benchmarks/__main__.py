"""Every benchmark, one after the other, and one summary: ``python -m benchmarks [--quick] [NAME ...]``.

Each runs in a process of its own. Exits 1 when one of them failed; a goal that was not met is printed, not an error, for a
busy machine may miss one that a quiet machine meets.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import admission, goals
from benchmarks.goals import Goal
from benchmarks.measure import ROOT

BENCHMARKS = ("fanout", "tree", "coldimport", "limiter")
_WITHOUT_GOALS_FILE = {"limiter": admission.goals}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=str(__doc__).partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer peers and rounds: about four minutes for all")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    options = parser.parse_args()
    for name in options.names:
        if name not in BENCHMARKS:
            parser.error(f"there is no benchmark {name!r}: choose among {', '.join(BENCHMARKS)}")
    reached: list[Goal] = []
    failed: list[str] = []
    begun = time.monotonic()
    for name in options.names or BENCHMARKS:
        print(f"\n==== {name} ({time.monotonic() - begun:.0f} s)\n", flush=True)
        ended_well, its_goals = _run(name, quick=options.quick)
        reached += its_goals
        failed += [] if ended_well else [name]
    print(f"\n==== goals ({time.monotonic() - begun:.0f} s)\n")
    print(goals.table(reached))
    met = sum(goal.met for goal in reached)
    print(f"\n{met} of {len(reached)} goals met" + (f"; failed: {', '.join(failed)}" if failed else ""))
    return 1 if failed else 0


def _run(name: str, *, quick: bool) -> tuple[bool, list[Goal]]:
    """Run one benchmark with its output passed through; whether it ended well, and its goals."""
    read_output = _WITHOUT_GOALS_FILE.get(name)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "goals.jsonl"
        command = [sys.executable, "-m", f"benchmarks.{name}", *(["--quick"] if quick else [])]
        if read_output is None:
            command += ["--goals", str(file)]
        lines: list[str] = []
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                print(line, end="", flush=True)
                lines.append(line)
        return process.returncode == 0, read_output("".join(lines)) if read_output is not None else goals.read(file)


if __name__ == "__main__":
    sys.exit(main())
