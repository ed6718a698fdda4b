"""What a person sees: the bar on a terminal, plain lines elsewhere, and pipes that are closed early."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
from typing import Any

import pytest

from shared_agent.cli.progress import describe, lines
from shared_agent.runtimes.local.record import Progress
from shared_agent.spec.usage import Usage
from tests.unit.cli.conftest import ended

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def _read_until(terminal: int, words: str, seen: str = "") -> str:
    """What the terminal shows until ``words`` have come, or all of it until the program has ended."""
    while not words or words not in _ESCAPES.sub("", seen):
        ready, _, _ = select.select([terminal], [], [], 30)
        assert ready, f"waited for {words!r} in {seen!r}"
        try:
            seen += os.read(terminal, 65536).decode(errors="replace")
        except OSError:  # the other end was closed
            break
    return seen


def test_on_a_terminal_a_bar_shows_the_run_and_ctrl_c_ends_it_in_order(desk: Any) -> None:
    terminal, other_end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "shared_agent", "run", "job.yaml"],
        cwd=desk.folder,
        env=desk.environment(GATE="shut", TERM="xterm-256color"),
        stdin=other_end,
        stdout=other_end,
        stderr=other_end,
        preexec_fn=lambda: os.login_tty(other_end),  # noqa: PLW1509
    )
    os.close(other_end)
    desk.started.append(process)
    seen = _read_until(terminal, "3/8")
    seen = _read_until(terminal, "0 failed · 2 in flight · 0 tokens · 0.0000 USD", seen)
    os.write(terminal, b"\x03")
    seen = _read_until(terminal, "", seen)
    assert process.wait(timeout=30) == 130
    os.close(terminal)
    text = _ESCAPES.sub("", seen)
    assert "cancelling: claims are given back" in text
    assert "shared-agent resume" in text
    assert "Traceback" not in text
    assert seen.rindex("\x1b[?25h") > seen.rindex("\x1b[?25l"), "the cursor is left hidden"


def test_a_reader_that_leaves_early_is_no_error(desk: Any) -> None:
    desk.run("run", "job.yaml")
    reader = subprocess.run(
        f"{sys.executable} -m shared_agent report {desk.job_id()} | true",
        shell=True,
        cwd=desk.folder,
        env=desk.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert reader.stderr == ""


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_run_goes_on_when_nobody_reads_what_it_says(desk: Any, stream: str) -> None:
    process = desk.start("run", "job.yaml", GATE="shut")
    desk.wait_at_the_gate()
    getattr(process, stream).close()
    setattr(process, stream, None)
    desk.open_gate()
    code, _, err = ended(process)
    assert code == 0
    assert "Error" not in err
    assert len(desk.worked_on()) == 8
    assert list((desk.folder / "out").glob("*/report.txt"))


def test_a_signal_ignored_from_the_start_stays_ignored(desk: Any) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "shared_agent", "run", "job.yaml"],
        cwd=desk.folder,
        env=desk.environment(GATE="shut"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),  # noqa: PLW1509
    )
    desk.started.append(process)
    desk.wait_at_the_gate()
    process.send_signal(signal.SIGINT)
    desk.open_gate()
    assert ended(process)[0] == 0


def test_progress_is_told_in_a_few_words() -> None:
    progress = Progress(
        total=740,
        succeeded=300,
        failed=12,
        skipped=1,
        in_flight=8,
        reduced=27,
        reduces=82,
        usage=Usage(input_tokens=400_000, output_tokens=2_113, usd=0.312),
        elapsed_s=67.0,
        eta_s=92.0,
    )
    assert describe(progress) == (
        "12 failed · 1 skipped · 8 in flight · 402,113 tokens · 0.3120 USD · reduced 27/82 · about 1 min 32 s left"
    )


def test_plain_lines_come_seldom_and_the_last_one_always(capsys: pytest.CaptureFixture[str]) -> None:
    show = lines("job")
    for done in range(1001):
        show(Progress(total=1000, succeeded=done, in_flight=min(4, 1000 - done)))
    told = capsys.readouterr().err.splitlines()
    assert [line.partition(" done")[0] for line in told] == ["job: 0/1,000", "job: 1,000/1,000"]
