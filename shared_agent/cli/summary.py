"""What a person reads before and after a run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from shared_agent.cli.progress import clock
from shared_agent.runtimes.local.finish import label_of

if TYPE_CHECKING:
    from shared_agent.runtimes.result import JobResult
    from shared_agent.runtimes.submission import Submission


def announce(submission: Submission) -> None:
    """What is about to run, on standard error."""
    survey, settings = submission.survey, submission.settings
    print(
        f"{settings.job_id}: {settings.kind.rpartition('/')[2]} over {survey.documents} documents in {survey.chunks} chunks "
        f"({survey.characters:,} characters) on {settings.models.map}, at most {settings.concurrency} at once",
        file=sys.stderr,
    )
    for reason, count in survey.skipped.items():
        print(f"{settings.job_id}: passed over {count} ({reason})", file=sys.stderr)


def conclude(result: JobResult) -> None:
    """How it ended, on standard output."""
    coverage = result.coverage
    label = label_of(result)
    print(f"{result.job_id}: {result.status}" + (f" — {label}" if label else ""))
    print(
        f"  coverage  {coverage.succeeded} of {coverage.submitted} tasks succeeded"
        f" (failed {coverage.failed}, skipped {coverage.skipped}, not started {coverage.unstarted})"
    )
    print(
        f"  cost      {result.usage.calls} calls, {result.usage.input_tokens:,} input and "
        f"{result.usage.output_tokens:,} output tokens, {result.usage.usd:.4f} USD"
        + (f"; {result.replayed} tasks were already done" if result.replayed else "")
    )
    print(f"  time      {clock(result.makespan_s)}")
    for path in result.outputs:
        print(f"  written   {path}")
    print(f"  report    shared-agent report {result.job_id}")
    if result.status in {"cancelled", "failed"} or result.coverage.unstarted or result.coverage.skipped:
        print(f"  go on     shared-agent resume {result.job_id}")
    if result.coverage.failed:
        print(f"  again     shared-agent resume {result.job_id} --retry-failed")
