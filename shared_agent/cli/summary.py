"""What a person reads before and after a run."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from shared_agent.cli.exits import say
from shared_agent.observe.text import result_lines, shown_path

if TYPE_CHECKING:
    from shared_agent.runtimes.result import JobResult
    from shared_agent.runtimes.submission import Submission


def announce(submission: Submission) -> None:
    """What is about to run, on standard error."""
    survey, settings = submission.survey, submission.settings
    say(
        f"{settings.job_id}: {settings.kind.rpartition('/')[2]} over {survey.documents:,} documents in "
        f"{survey.chunks:,} chunks ({survey.characters:,} characters) on {settings.models.map}, "
        f"at most {settings.concurrency:,} at once"
    )
    for reason, count in survey.skipped.items():
        say(f"{settings.job_id}: passed over {count:,} ({reason})")


def conclude(result: JobResult, *, note: str = "", options: str = "") -> str:
    """How a job ended and what can be done now. ``options`` are those that find it again, such as ``" --home X"``."""
    lines = result_lines(result)
    if note:
        lines.append(f"  note      {note}")
    here = Path.cwd()
    lines += [f"  written   {shown_path(path, here)}" for path in result.outputs]
    lines.append(f"  report    shared-agent report {result.job_id}{options}")
    if result.status in {"cancelled", "failed"} or result.coverage.unstarted or result.coverage.skipped:
        lines.append(f"  go on     {resume_command(result.job_id, options)}")
    if result.coverage.failed:
        lines.append(f"  again     {resume_command(result.job_id, options)} --retry-failed")
    return "\n".join(lines)


def note_on(result: JobResult, *, began_at: float, followed: bool) -> str:
    """What this command itself did for the result, where that is less than all of it."""
    if followed:
        return "another process ran it; nothing was run or paid here"
    if result.ended_at < began_at:
        return f"this is the stored result of {when(result.ended_at)}: nothing was run or paid now"
    if result.replayed:
        return f"{result.replayed:,} tasks were already done and not run again; {result.calls_made:,} calls made now"
    return ""


def resume_command(job_id: str, options: str) -> str:
    """What to type to go on with a job."""
    return f"shared-agent resume {job_id}{options}"


def when(at: float) -> str:
    """A moment (seconds since the epoch) in local time, to the minute."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
