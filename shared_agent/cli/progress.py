"""Shows a job on its way: a bar on a terminal, a plain line now and then elsewhere.

licences ━━━━━━━━━━━━━━━━━━━━╸━━━━━━━━━━━━━━━━━━━━━━━━━  312/740  0:01:07
  0 failed · 8 in flight · 402,113 tokens · 0.3120 USD · reduced 27/82 · about 1 min 32 s left
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shared_agent.cli.exits import say
from shared_agent.observe.text import clock, shortened

if TYPE_CHECKING:
    from rich.console import RenderableType

    from shared_agent.runtimes.local.record import Progress

_PLAIN_EVERY_S = 10.0
_TITLE_WIDTH = 30

Show = Callable[["Progress"], None]


@contextmanager
def shown(title: str, *, quiet: bool) -> Generator[Show | None]:
    """Gives the function to call with each progress; None when nothing is to be shown."""
    if quiet:
        yield None
    elif sys.stderr.isatty():
        with _bar(shortened(title, _TITLE_WIDTH)) as show:
            yield show
    else:
        yield lines(title)


def describe(progress: Progress) -> str:
    """Failed, in flight, tokens, USD and the predicted end, in a few words."""
    parts = [f"{progress.failed:,} failed", f"{progress.in_flight:,} in flight"]
    if progress.skipped:
        parts.insert(1, f"{progress.skipped:,} skipped")
    parts += [f"{progress.usage.tokens:,} tokens", f"{progress.usage.usd:.4f} USD"]
    if progress.reduces:
        parts.append(f"reduced {progress.reduced:,}/{progress.reduces:,}")
    if progress.eta_s is not None and progress.done < progress.total:
        parts.append(f"about {clock(progress.eta_s)} left")
    return " · ".join(parts)


def lines(title: str) -> Show:
    """Progress as plain lines on standard error: the first, one every ten seconds, and the last."""
    told_at, told = 0.0, ""

    def show(progress: Progress) -> None:
        nonlocal told_at, told
        line = f"{title}: {progress.done:,}/{progress.total:,} done · {describe(progress)}"
        over = progress.done == progress.total and progress.in_flight == 0
        if line == told or (time.monotonic() - told_at < _PLAIN_EVERY_S and not over):
            return
        told_at, told = time.monotonic(), line
        say(line)

    return show


@contextmanager
def _bar(title: str) -> Generator[Show]:
    from rich.console import Console
    from rich.padding import Padding
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar
    from rich.table import Column

    words = "reading the inputs"

    class TwoRows(Bar):
        """The bar, and below it what would not fit beside it."""

        def get_renderables(self) -> Iterable[RenderableType]:
            yield self.make_tasks_table(self.tasks)
            # Not padded to the full width: the terminal's echo of Ctrl-C would begin a new line there.
            yield Padding(words, (0, 0, 0, 2), expand=False)

    columns = (
        TextColumn("{task.description}", style="bold", markup=False, table_column=Column(no_wrap=True)),
        BarColumn(bar_width=None, table_column=Column(ratio=1)),
        MofNCompleteColumn(table_column=Column(no_wrap=True)),
        TimeElapsedColumn(table_column=Column(no_wrap=True)),
    )
    with TwoRows(*columns, console=Console(stderr=True, highlight=False), expand=True) as bar:
        task = bar.add_task(title, total=None)

        def show(progress: Progress) -> None:
            nonlocal words
            words = describe(progress)
            steps, done = progress.total + progress.reduces, progress.done + progress.reduced
            bar.update(task, total=steps, completed=done)

        try:
            yield show
        except BaseException:
            bar.live.transient = True  # the error's own line is what stays
            raise
