"""A blocking iterator, consumed by a coroutine without holding up its event loop.

thread   [ item item item … ]          [ item … ]            a batch at a time, until it is large or has taken long
loop                          ► ► ►                ► ►       a hop between the two costs some 0.1 ms: one a batch
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from time import monotonic
from typing import TypeVar

T = TypeVar("T")

_BATCH_ITEMS = 256
_BATCH_WEIGHT = 1 << 20
_BATCH_SECONDS = 0.05


async def in_background(items: Iterator[T], weight: Callable[[T], int]) -> AsyncIterator[T]:
    """The ``items`` in their order, produced in a thread; ``weight`` bounds what waits in memory, in bytes.

    What ``items`` raises is raised after the items before it.
    """
    while True:
        batch, ended, error = await asyncio.to_thread(_batch, items, weight)
        for item in batch:
            yield item
        if error is not None:
            raise error
        if ended:
            return


def _batch(items: Iterator[T], weight: Callable[[T], int]) -> tuple[list[T], bool, Exception | None]:
    batch: list[T] = []
    held = 0
    until = monotonic() + _BATCH_SECONDS
    try:
        for item in items:
            batch.append(item)
            held += weight(item)
            if len(batch) >= _BATCH_ITEMS or held >= _BATCH_WEIGHT or monotonic() >= until:
                return batch, False, None
    except Exception as error:
        return batch, True, error
    return batch, True, None
