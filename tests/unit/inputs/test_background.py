"""A blocking iterator read by a coroutine: in order, a little ahead at most, and with the loop free meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from shared_agent.inputs.background import in_background


async def test_items_come_in_order_and_the_error_after_them() -> None:
    def items() -> Iterator[int]:
        yield from range(1000)
        raise OSError("the disk is gone")

    came: list[int] = []
    with pytest.raises(OSError, match="the disk is gone"):
        async for item in in_background(items(), lambda _: 1):
            came.append(item)  # noqa: PERF401 - what came before the error counts
    assert came == list(range(1000))


async def test_no_more_is_produced_than_one_batch_ahead() -> None:
    produced = 0

    def items() -> Iterator[bytes]:
        nonlocal produced
        while True:
            produced += 1
            yield b"x" * 500_000

    stream = in_background(items(), len)
    for used in range(1, 10):
        await anext(stream)
        assert produced <= used + 3


async def test_the_loop_goes_on_while_the_iterator_blocks() -> None:
    release = threading.Event()

    def items() -> Iterator[str]:
        assert release.wait(10)
        yield "late"

    first = asyncio.ensure_future(anext(in_background(items(), len)))
    await asyncio.sleep(0)
    assert not first.done()
    release.set()
    assert await first == "late"
