"""Time the imports in turn, list what they pull in, print whether the goals are met."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections import Counter

import msgspec

from benchmarks import coldimport, goals
from benchmarks.goals import Goal
from benchmarks.measure import ROOT

WORKER = "import shared_agent.worker"
STATEMENTS = ("pass", "import asyncio", "import asyncio, msgspec", WORKER)
EXPECTED = frozenset({"msgspec", "shared_agent", "typing_extensions"})
"""typing_extensions is imported by msgspec where it is installed."""

_PROBE = """
import sys, time
before = set(sys.modules)
wall, cpu = time.perf_counter(), time.process_time()
{statement}
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
modules = sorted(set(sys.modules) - before)
import json
print(json.dumps({{"wall_s": wall, "cpu_s": cpu, "modules": modules}}))
"""


class Import(msgspec.Struct):
    """One run: seconds of the statement, and the modules that it brought."""

    wall_s: float
    cpu_s: float
    modules: list[str]


def main() -> int:
    options = goals.parser(
        "benchmarks.coldimport", str(coldimport.__doc__).partition("\n")[0], "the same: it takes seconds"
    ).parse_args()
    print(coldimport.__doc__)
    runs: dict[str, list[Import]] = {statement: [] for statement in STATEMENTS}
    with tempfile.TemporaryDirectory() as bytecode:
        first = {statement: _import(statement, bytecode) for statement in reversed(STATEMENTS)}
        for _ in range(15):
            for statement in STATEMENTS:
                runs[statement].append(_import(statement, bytecode))
    print(f"{'median of 15, ms':<32}{'wall':>10}{'CPU':>10}{'modules':>10}")
    for statement, taken in runs.items():
        wall_ms, cpu_ms = _median_ms(taken)
        print(f"{statement:<32}{wall_ms:>10.1f}{cpu_ms:>10.1f}{len(taken[0].modules):>10}")
    print(f"{'first, ' + WORKER:<32}{1e3 * first[WORKER].wall_s:>10.1f}{1e3 * first[WORKER].cpu_s:>10.1f}")

    outside = Counter(_outside_the_standard_library(first[WORKER].modules))
    unexpected = sum(count for package, count in outside.items() if package not in EXPECTED)
    print("\nfrom outside the standard library: " + ", ".join(f"{name} ({n})" for name, n in sorted(outside.items())))
    _, cpu_ms = _median_ms(runs[WORKER])
    goals.close(
        [
            Goal("cold import: CPU of import shared_agent.worker, median of 15", cpu_ms, 150, "ms"),
            Goal("cold import: modules of other packages than msgspec", unexpected, 0),
        ],
        options.goals,
    )
    return 0


def _import(statement: str, bytecode: str) -> Import:
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": bytecode}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-c", _PROBE.format(statement=statement)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True, timeout=60)
    return msgspec.json.decode(done.stdout, type=Import)


def _median_ms(runs: list[Import]) -> tuple[float, float]:
    wall_s = statistics.median(run.wall_s for run in runs)
    return 1e3 * wall_s, 1e3 * statistics.median(run.cpu_s for run in runs)


def _outside_the_standard_library(modules: list[str]) -> list[str]:
    packages = [module.partition(".")[0] for module in modules]
    return [package for package in packages if package not in sys.stdlib_module_names]


if __name__ == "__main__":
    sys.exit(main())
