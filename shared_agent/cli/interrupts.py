"""Ctrl-C and SIGTERM at every stage of a command.

    imports, job file │ reading the inputs       │ running                            │ the end
    ends at once      │ at once: nothing started │ 1st: claims are given back, what   │ ends at once
                      │                          │ is done is written; 2nd: at once   │

A handler installed with ``signal`` runs even while a task blocks the event loop, which the loop's own would not; so the
second Ctrl-C always works. A signal that was ignored when the process started (``nohup``) stays ignored.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from types import FrameType
from typing import Any

CANCELLED = 130
_SHOW_CURSOR = b"\x1b[?25h\n"
_ASKED = "cancelling: claims are given back; press Ctrl-C again to end at once"


class Interrupts:
    """The signals of one run; made inside its event loop. The first sets ``asked``.

    ``farewell``: while there is nothing to give back, the words with which the first one ends the process at once.
    """

    def __init__(self, farewell: str) -> None:
        self.asked = asyncio.Event()
        self.farewell: str | None = farewell
        self._loop = asyncio.get_running_loop()
        self._signals = 0
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._interrupted)

    def leave(self, code: int) -> None:
        """End the process if it was asked to end: a thread that a task left behind is not waited for."""
        if self._signals:
            for stream in (sys.stdout, sys.stderr):
                flush(stream)
            os._exit(code)

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1
        if self.farewell is not None or self._signals > 1 or self._loop.is_closed():
            _end_at_once(self.farewell or "")
        self._loop.call_soon_threadsafe(self._ask)

    def _ask(self) -> None:
        self.asked.set()
        with contextlib.suppress(OSError):
            print(_ASKED, file=sys.stderr)


def end_at_once_on_interrupt() -> None:
    """Make Ctrl-C end the process silently, for as long as there is nothing to give back or to write."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda number, frame: _end_at_once(""))


def flush(stream: Any) -> None:
    """Flush ``stream``; one that nobody reads any more is pointed at nothing, so that the exit does not complain."""
    try:
        stream.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _end_at_once(words: str) -> None:
    """Leave from within a signal handler, where the streams may be in use; a terminal gets its cursor back."""
    with contextlib.suppress(OSError):
        if os.isatty(2):
            os.write(2, _SHOW_CURSOR)
        if words:
            os.write(2, f"{words}\n".encode())
    os._exit(CANCELLED)
