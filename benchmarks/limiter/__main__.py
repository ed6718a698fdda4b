"""Run every contender, print the tables, exit 1 when a bound was broken."""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import sys
import time

from benchmarks import limiter
from benchmarks.limiter.contenders import CONTENDERS
from benchmarks.limiter.judge import ROUNDING, Row, judge
from benchmarks.limiter.workload import PROCESSES, Log, Plan, count_round_trips, run_process, server

THROUGHPUT_COROUTINES = 90
SETUP_S = 2.0
WARM_S = 3.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.limiter", description=limiter.__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="7 s a contender instead of 15 s")
    parser.add_argument("--seconds", type=float, help="seconds a contender, of which 3 warm up")
    parser.add_argument("--only", nargs="*", help="names of contenders")
    options = parser.parse_args()
    seconds = options.seconds or (7.0 if options.quick else 15.0)
    names = [name for name in CONTENDERS if not options.only or name.strip() in options.only]

    print(limiter.__doc__)
    print(
        _line(
            "",
            "used",
            "over grant",
            "over seen",
            "large max",
            "small p99",
            "ratio",
            "trips/grant",
            "+clock",
            "CPU ms",
        )
    )
    broken = False
    for name in names:
        row = _saturated(name, seconds)
        if isinstance(row, str):
            print(f"{name:<20}failed: {row}", flush=True)
            continue
        broken |= row.over_granted is not None and row.over_granted > ROUNDING
        print(_format(row), flush=True)

    print("\n" + f"{'no quota in the way':<20}{'grants/s':>10}{'trips/grant':>13}{'client CPU us':>15}")
    for name in names:
        rate, trips, cpu_us = _unthrottled(name, 5000 if options.quick else 20_000)
        print(f"{name:<20}{rate:>10,.0f}{trips:>13.3f}{cpu_us:>15.0f}", flush=True)
    if broken:
        print("\nA bound was broken.", file=sys.stderr)
    return 1 if broken else 0


def _saturated(name: str, seconds: float) -> Row | str:
    context = multiprocessing.get_context("spawn")
    with server() as port:
        out = context.Queue()
        plan = Plan(name, port, time.monotonic() + SETUP_S, WARM_S, seconds)
        workers = [context.Process(target=run_process, args=(plan, number, out)) for number in range(PROCESSES)]
        for worker in workers:
            worker.start()
        logs: list[Log] = [out.get(timeout=seconds + 30) for _ in workers]
        for worker in workers:
            worker.join()
    error = next((log.error for log in logs if log.error), "")
    return error or judge(name, logs, plan.start + WARM_S, plan.start + seconds)


def _unthrottled(name: str, grants: int) -> tuple[float, float, float]:
    trips = count_round_trips()

    async def run(port: int) -> tuple[float, float, float]:
        line = await CONTENDERS[name](port, 1e4)
        left = iter(range(grants))

        async def coroutine() -> None:
            mine = line()
            for _ in left:
                await mine.acquire(1)
                await mine.settle(1)

        await line().acquire(1)
        before, cpu, begun = trips[0], time.process_time(), time.perf_counter()
        await asyncio.gather(*(coroutine() for _ in range(THROUGHPUT_COROUTINES)))
        wall_s, cpu_s = time.perf_counter() - begun, time.process_time() - cpu
        return grants / wall_s, (trips[0] - before) / grants, 1e6 * cpu_s / grants

    with server() as port:
        return asyncio.run(run(port))


def _format(row: Row) -> str:
    ratio = row.large_max / row.small_p99 if row.small_p99 else 0.0
    return _line(
        row.name,
        f"{row.used:.3f}",
        "-" if row.over_granted is None else f"{max(0.0, row.over_granted):.2%}",
        f"{max(0.0, row.over_seen):.2%}",
        f"{'> ' if row.large_is_waiting else ''}{row.large_max:.2f} s",
        f"{row.small_p99:.2f} s",
        f"{ratio:.2f}",
        f"{row.trips:.2f}",
        f"{row.ahead_share:.2f}",
        f"{row.cpu_ms:.2f}",
    )


def _line(name: str, *cells: str) -> str:
    return f"{name:<20}" + "".join(f"{cell:>12}" for cell in cells)


if __name__ == "__main__":
    sys.exit(main())
