"""Shows a job on its way: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared_agent.runtimes.local.record import Progress

_PLAIN_EVERY_S = 10.0

Show = Callable[["Progress"], None]


@contextmanager
def shown(title: str, *, quiet: bool) -> Generator[Show | None]:
    """Gives the function to call with each progress; None when nothing is to be shown."""
    if quiet:
        yield None
    elif sys.stderr.isatty():
        with _bar(title) as show:
            yield show
    else:
        yield _lines(title)


def describe(progress: Progress) -> str:
    """Failed, in flight, tokens, USD and the predicted end, in a few words."""
    parts = [f"{progress.in_flight} in flight", f"{progress.usage.tokens:,} tokens", f"{progress.usage.usd:.4f} USD"]
    if progress.failed:
        parts.insert(0, f"{progress.failed} failed")
    if progress.skipped:
        parts.insert(0, f"{progress.skipped} skipped")
    if progress.reduces:
        parts.append(f"reduced {progress.reduced}/{progress.reduces}")
    if progress.eta_s is not None and progress.done < progress.total:
        parts.append(f"about {clock(progress.eta_s)} left")
    return " · ".join(parts)


def clock(seconds: float) -> str:
    """``"7.5 s"``, ``"3 min 20 s"``, ``"2 h 5 min"``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


@contextmanager
def _bar(title: str) -> Generator[Show]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[words]}"),
    )
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=None, words="reading the inputs")

        def show(progress: Progress) -> None:
            steps, done = progress.total + progress.reduces, progress.done + progress.reduced
            bar.update(task, total=steps, completed=done, words=describe(progress))

        yield show


def _lines(title: str) -> Show:
    told_at, told = 0.0, ""

    def show(progress: Progress) -> None:
        nonlocal told_at, told
        line = f"{title}: {progress.done}/{progress.total} done · {describe(progress)}"
        over = progress.done == progress.total and progress.in_flight == 0
        if line == told or (time.monotonic() - told_at < _PLAIN_EVERY_S and not over):
            return
        told_at, told = time.monotonic(), line
        print(line, file=sys.stderr, flush=True)

    return show
