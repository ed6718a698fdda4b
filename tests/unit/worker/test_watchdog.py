"""The watchdog cancels what is late, only that, and never in place of somebody else's cancellation."""

from __future__ import annotations

import asyncio
import gc
import random
import time
from typing import Any

import pytest

from shared_agent.worker.watchdog import Watchdog


async def test_a_late_block_ends_in_timeout_error_and_the_task_goes_on() -> None:
    dog = Watchdog(0.02)
    with pytest.raises(TimeoutError, match=r"0\.02 s"), dog.guard():
        await asyncio.sleep(60)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)


async def test_of_many_guards_exactly_the_late_ones_time_out() -> None:
    dog = Watchdog(0.5)
    late = random.Random(3).sample(range(300), 100)

    async def branch(number: int) -> str:
        try:
            with dog.guard():
                await asyncio.sleep(60 if number in late else random.Random(number).uniform(0, 0.05))
        except TimeoutError:
            return "late"
        return "done"

    results = await asyncio.gather(*[branch(number) for number in range(300)])
    assert [number for number, result in enumerate(results) if result == "late"] == sorted(late)


async def _directly(event: asyncio.Event) -> None:
    await event.wait()


async def _through_a_task(event: asyncio.Event) -> None:
    await asyncio.create_task(_directly(event))


async def _through_gather(event: asyncio.Event) -> None:
    await asyncio.gather(_directly(event), asyncio.wait_for(_through_a_task(event), 60))


@pytest.mark.parametrize("work", [_directly, _through_a_task, _through_gather])
async def test_work_that_finished_during_a_stall_of_the_loop_is_not_timed_out(work: Any) -> None:
    dog = Watchdog(0.05)
    event = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def branch() -> str:
        with dog.guard():
            await work(event)
        return "done"

    task = asyncio.create_task(branch())
    await asyncio.sleep(0.01)
    loop.call_later(0.01, event.set)  # due within the stall, before the deadline
    time.sleep(0.1)  # noqa: ASYNC251 - the stall
    assert await task == "done"


async def test_of_nested_guards_the_one_that_is_late_raises() -> None:
    short, long = Watchdog(0.02), Watchdog(5)
    with pytest.raises(TimeoutError, match=r"0\.02"), long.guard(), short.guard():
        await asyncio.sleep(60)
    seen = ""
    with pytest.raises(TimeoutError, match=r"0\.02"), short.guard():
        try:
            with long.guard():
                await asyncio.sleep(60)
        except TimeoutError:
            seen = "inner"
    assert seen == ""


async def test_guards_that_are_late_together_let_the_outer_one_win() -> None:
    first, second = Watchdog(0.02), Watchdog(0.02)
    inner = ""
    with pytest.raises(TimeoutError), first.guard():
        try:
            with second.guard():
                await asyncio.sleep(0)
                time.sleep(0.05)  # noqa: ASYNC251
                await asyncio.sleep(60)
        except TimeoutError:
            inner = "timed out"
            await asyncio.sleep(60)
    assert inner == ""
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_cancellation_from_outside_wins_over_the_timeout() -> None:
    dog = Watchdog(0.03)

    async def branch() -> None:
        with dog.guard():
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                asyncio.current_task().cancel()  # type: ignore[union-attr]  # somebody else, in the same moment
                raise

    task = asyncio.create_task(branch())
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()

    task = asyncio.create_task(branch())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_guard_in_the_cleanup_of_a_cancelled_task_still_times_out() -> None:
    dog = Watchdog(0.02)
    seen: list[str] = []

    async def branch() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            try:
                with dog.guard():
                    await asyncio.sleep(60)
            except TimeoutError:
                seen.append("timed out")

    task = asyncio.create_task(branch())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    assert seen == ["timed out"]
    assert task.cancelled()


async def test_errors_pass_and_a_block_that_ends_in_time_is_left_alone() -> None:
    dog = Watchdog(0.03)
    with pytest.raises(KeyError), dog.guard():
        raise KeyError
    with dog.guard():
        await asyncio.sleep(0)
    await asyncio.sleep(0.06)


async def test_memory_follows_what_is_inside_even_behind_a_slow_block() -> None:
    dog = Watchdog(60)

    async def slow() -> None:
        with dog.guard():
            await asyncio.sleep(60)

    task = asyncio.create_task(slow())
    await asyncio.sleep(0)
    for _ in range(20_000):
        with dog.guard():
            pass
    gc.collect()
    assert len(dog._guards) < 2_000
    task.cancel()
