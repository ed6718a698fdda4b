"""Fewer passes of the garbage collector while thousands of branches live.

CPython looks for cyclic garbage every 700 new objects. A branch in flight is a dozen objects, none of them garbage, so at
thousands of branches each pass walks the living again and again: nearly half of all CPU time at a cap of 10,000. The
passes are therefore spaced by what is alive: a young one every so many new objects, and the older generations sooner after
it than by default, so that real garbage still goes.
"""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager
from threading import Lock

_OLDER_GENERATIONS = (3, 3)

_lock = Lock()
_asked: list[int] = []
_found = gc.get_threshold()


@contextmanager
def passes_every(objects: int) -> Generator[None]:
    """While the block runs, young passes of this process's collector are at least ``objects`` new objects apart.

    Nothing changes where they are already, or where the program has switched the collector off. Of several blocks at once
    the largest counts; the last one to end restores the thresholds that the first one found.
    """
    global _found  # noqa: PLW0603 - the collector is one for the process, and so is what it was set to
    with _lock:
        if not _asked:
            _found = gc.get_threshold()
        _asked.append(objects)
        _apply()
    try:
        yield
    finally:
        with _lock:
            _asked.remove(objects)
            _apply()


def _apply() -> None:
    most = max(_asked, default=0)
    switched_off = _found[0] == 0
    gc.set_threshold(*(_found if switched_off or most <= _found[0] else (most, *_OLDER_GENERATIONS)))
