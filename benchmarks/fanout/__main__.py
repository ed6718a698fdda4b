"""Measure every contender in every setting, print the tables and whether the goals are met."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache

from benchmarks import fanout, goals
from benchmarks.fanout.contenders import CONTENDERS, LANGGRAPH, OURS, STREAMED
from benchmarks.fanout.work import latencies, list_schedule_s
from benchmarks.goals import Goal
from benchmarks.measure import Sample, Setting, in_turn

_PEERS = tuple(name for name in CONTENDERS if name not in (OURS, STREAMED))
_EMBEDDINGS = {
    "pool": "Worker.run in a Pool, one call a task",
    "journal": "Worker.run in a Pool, reply stored as a step",
    "coordinator": "Coordinator: completion, coverage, reduction",
}
_MB = 1_000_000
_WALL_BOUNDS = {(10_000, 1_000): 1.01, (100_000, 10_000): 1.3}


@dataclass(frozen=True, slots=True)
class Fan:
    """One table: ``count`` branches, at most ``cap`` at once; ``peers`` run beside ours."""

    count: int
    cap: int
    latency: str
    peers: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"N = {self.count:,}, cap = {self.cap:,}, {self.latency} latency"


def _fans(quick: bool) -> list[Fan]:
    small = _PEERS
    large = tuple(name for name in _PEERS if name != LANGGRAPH)
    timed = tuple(name for name in large if name.endswith("timeout") or name == "aiometer")
    few = ("seed: gather + semaphore + timeout", LANGGRAPH)
    return [
        Fan(1_000, 1_000, "zero", small),
        Fan(10_000, 1_000, "zero", large if quick else small),
        Fan(100_000, 10, "zero"),
        Fan(100_000, 1_000, "zero", large),
        Fan(100_000, 10_000, "zero", () if quick else large),
        Fan(1_000, 100, "lognormal", few if quick else small),
        Fan(10_000, 1_000, "lognormal", timed if quick else small),
        Fan(100_000, 10_000, "lognormal", timed if quick else large),
    ]


def main() -> int:
    options = goals.parser(
        "benchmarks.fanout", str(fanout.__doc__).partition("\n")[0], "fewer peers and rounds, about two minutes"
    ).parse_args()
    print(fanout.__doc__)
    ours, others = (3, 1) if options.quick else (5, 3)
    measured = {fan: _run(fan, ours, others) for fan in _fans(options.quick)}
    workers = _run_workers(2_000 if options.quick else 20_000, 1_000, ours)
    goals.close(_goals(measured, workers), options.goals)
    return 0


def _run(fan: Fan, ours: int, others: int) -> dict[str, Sample | str]:
    names = [OURS, *([STREAMED] if fan.latency == "zero" else []), *fan.peers]
    arguments = (str(fan.count), str(fan.cap), fan.latency)
    samples = in_turn(
        [
            Setting(name, "benchmarks.fanout.child", (name, *arguments), ours if name in (OURS, STREAMED) else others)
            for name in names
        ]
    )
    print(f"\n{fan}")
    print(f"{'':<44}{'CPU us':>10}{'x ours':>10}{'wall/ideal':>12}{'MB':>10}")
    for name, sample in samples.items():
        print(f"{name:<44}{_cells(fan, sample, samples[OURS])}", flush=True)
    return samples


def _run_workers(count: int, cap: int, rounds: int) -> dict[str, Sample | str]:
    module = "benchmarks.fanout.worker_run"
    samples = in_turn([Setting(name, module, (name, str(count), str(cap)), rounds) for name in _EMBEDDINGS])
    print(f"\nWorker.run on a model that does nothing, state in memory, N = {count:,}, cap = {cap:,}")
    print(f"{'':<44}{'CPU us':>10}")
    for name, sample in samples.items():
        figure = sample if isinstance(sample, str) else f"{1e6 * sample.cpu_s / count:.1f}"
        print(f"{_EMBEDDINGS[name]:<44}{figure:>10}", flush=True)
    return {name: sample if isinstance(sample, str) else _per_task(sample, count) for name, sample in samples.items()}


def _cells(fan: Fan, sample: Sample | str, ours: Sample | str) -> str:
    if isinstance(sample, str):
        return f"{sample:>10}"
    ratio = f"{sample.cpu_s / ours.cpu_s:.2f}" if isinstance(ours, Sample) else "-"
    ideal_s = _ideal_s(fan)
    wall = f"{sample.wall_s / ideal_s:.3f}" if ideal_s else "-"
    return f"{1e6 * sample.cpu_s / fan.count:>10.2f}{ratio:>10}{wall:>12}{sample.grown / _MB:>10.1f}"


def _per_task(sample: Sample, count: int) -> Sample:
    return Sample(cpu_s=sample.cpu_s / count, wall_s=sample.wall_s / count, grown=sample.grown)


@cache
def _ideal_s(fan: Fan) -> float:
    return list_schedule_s(latencies(fan.count), fan.cap) if fan.latency == "lognormal" else 0.0


def _goals(measured: dict[Fan, dict[str, Sample | str]], workers: dict[str, Sample | str]) -> list[Goal]:
    reached: list[Goal] = []
    engine: dict[Fan, float] = {}
    for fan, samples in measured.items():
        ours, streamed = samples[OURS], samples.get(STREAMED)
        if isinstance(ours, str):
            continue
        size = f"{fan.count:,} branches, cap {fan.cap:,}"
        if fan.latency == "zero":
            engine[fan] = 1e6 * ours.cpu_s / fan.count
        elif bound := _WALL_BOUNDS.get((fan.count, fan.cap)):
            reached.append(Goal(f"fan-out: wall over the ideal schedule, {size}", ours.wall_s / _ideal_s(fan), bound))
        if isinstance(streamed, Sample) and (fan.count, fan.cap) == (100_000, 1_000):
            reached.append(Goal(f"fan-out: memory, {size}", streamed.grown / _MB, 10, "MB"))
    if engine:
        worst = max(engine, key=lambda fan: engine[fan])
        size = f"N {worst.count:,}, cap {worst.cap:,}"
        reached.append(Goal(f"fan-out: engine CPU a branch, the worst of all ({size})", engine[worst], 10, "us"))
    worker = workers["coordinator"]
    if isinstance(worker, Sample):
        reached.append(Goal("fan-out: CPU of a whole Worker.run under the Coordinator", 1e6 * worker.cpu_s, 150, "us"))
    return reached


if __name__ == "__main__":
    sys.exit(main())
