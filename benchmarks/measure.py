"""Measuring one thing in a process of its own, and several in turn.

    round 1   ours ─ peer A ─ peer B        a machine that slows down for a minute slows all of them,
    round 2   ours ─ peer A ─ peer B        and the median of the rounds is compared
    round 3   ours

CPU seconds are of the measured process alone, so that neighbours on the machine disturb them least. Memory is the growth of
the resident set: its peak while the work ran, above what it was before.
"""

from __future__ import annotations

import gc
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

ROOT = Path(__file__).parent.parent
_CLEAR_REFS = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


class Sample(msgspec.Struct):
    """What a piece of work took: seconds and bytes."""

    cpu_s: float = 0.0
    wall_s: float = 0.0
    grown: int = 0


@contextmanager
def sampled() -> Iterator[Sample]:
    """Measures its block into the sample that it gives."""
    sample = Sample()
    gc.collect()
    before = _reset_peak()
    cpu, begun = time.process_time(), time.perf_counter()
    yield sample
    sample.wall_s = time.perf_counter() - begun
    sample.cpu_s = time.process_time() - cpu
    sample.grown = max(0, _peak() - before)


def hand_over(sample: Sample) -> None:
    """What a measuring process prints last."""
    print(msgspec.json.encode(sample).decode(), flush=True)


@dataclass(frozen=True, slots=True)
class Setting:
    """One process to measure: ``python -m module *arguments``, in the first ``rounds`` rounds."""

    name: str
    module: str
    arguments: tuple[str, ...]
    rounds: int = 1
    limit_s: float = 120.0


def in_turn(settings: Sequence[Setting]) -> dict[str, Sample | str]:
    """The median of each setting, measured round by round; what went wrong where one failed or took too long."""
    samples: dict[str, list[Sample]] = {setting.name: [] for setting in settings}
    failed: dict[str, str] = {}
    for number in range(max(setting.rounds for setting in settings)):
        for setting in settings:
            if number >= setting.rounds or setting.name in failed:
                continue
            try:
                samples[setting.name].append(_measure(setting))
            except subprocess.TimeoutExpired:
                failed[setting.name] = f"over {setting.limit_s:g} s"
            except subprocess.CalledProcessError as error:
                failed[setting.name] = (error.stderr.strip().splitlines() or ["failed"])[-1]
    return {name: failed[name] if name in failed else median(taken) for name, taken in samples.items()}


def median(samples: Sequence[Sample]) -> Sample:
    """Figure by figure."""
    return Sample(
        cpu_s=statistics.median(sample.cpu_s for sample in samples),
        wall_s=statistics.median(sample.wall_s for sample in samples),
        grown=int(statistics.median(sample.grown for sample in samples)),
    )


def _measure(setting: Setting) -> Sample:
    command = [sys.executable, "-m", setting.module, *setting.arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=setting.limit_s)
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=Sample)


def _reset_peak() -> int:
    """Bytes resident now; where the system lets us, the peak begins anew here."""
    if _CLEAR_REFS.exists():
        _CLEAR_REFS.write_text("5")
    return _peak()


def _peak() -> int:
    if _STATUS.exists():
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
