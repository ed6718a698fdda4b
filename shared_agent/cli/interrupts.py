"""Ctrl-C and SIGTERM at every stage of a command.

    imports, job file │ reading the inputs     │ running                            │ the end
    ends at once      │ ends, nothing was      │ 1st: claims are given back, what   │ ends at once
                      │ started                │ is done is written; 2nd: at once   │

A handler installed with ``signal`` runs even while a task blocks the event loop, which the loop's own would not; so the
second Ctrl-C always works. A signal that was ignored when the process started (``nohup``) stays ignored.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Coroutine
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")

CANCELLED = 130
_SHOW_CURSOR = b"\x1b[?25h\n"


class Interrupted(Exception):
    """The user asked for the end while nothing was running yet."""


class Interrupts:
    """The signals of one run; ``asked`` is set by the first of them. Made inside the run's event loop."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.running = False
        self._loop = asyncio.get_running_loop()
        self._signals = 0
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._interrupted)

    async def unless_asked(self, work: Coroutine[Any, Any, T]) -> T:
        """What ``work`` returns or raises. Raises Interrupted, and cancels it, when the end is asked for before."""
        task = asyncio.create_task(work)
        asked = asyncio.create_task(self.asked.wait())
        await asyncio.wait({task, asked}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if not task.done():
            task.cancel()
            raise Interrupted
        return task.result()

    def leave(self, code: int) -> None:
        """End the process if it was asked to end: a thread that a task left behind is not waited for."""
        if self._signals:
            for stream in (sys.stdout, sys.stderr):
                flush(stream)
            os._exit(code)

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1
        if self._signals > 1 or self._loop.is_closed():
            end_at_once(number, frame)
        self._loop.call_soon_threadsafe(self._ask)

    def _ask(self) -> None:
        self.asked.set()
        if self.running:
            with contextlib.suppress(OSError):
                print("cancelling: claims are given back; press Ctrl-C again to end at once", file=sys.stderr)


def end_at_once_on_interrupt() -> None:
    """Make Ctrl-C end the process silently, for as long as there is nothing to give back or to write."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, end_at_once)


def end_at_once(number: int, frame: FrameType | None) -> None:
    """A signal handler that leaves without a word, and with the terminal's cursor shown."""
    if os.isatty(2):
        os.write(2, _SHOW_CURSOR)
    os._exit(CANCELLED)


def flush(stream: Any) -> None:
    """Flush ``stream``; one that nobody reads any more is pointed at nothing, so that the exit does not complain."""
    try:
        stream.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
