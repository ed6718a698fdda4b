"""A run and its report in words, for a terminal 80 to 120 columns wide and for ``report.txt``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from shared_agent.runtimes.result import JobResult, label_of

if TYPE_CHECKING:
    from shared_agent.observe.report import FailureGroup, Report

_MODEL_WIDTH = 32
_SOURCE_WIDTH = 80


def describe(result: JobResult, report: Report) -> str:
    """What ``shared-agent report`` prints of a job that has ended, and ``report.txt`` holds."""
    return "\n".join([*result_lines(result), "", *report_lines(report)])


def result_lines(result: JobResult) -> list[str]:
    """How a job ended: status, coverage, cost, time."""
    coverage, usage = result.coverage, result.usage
    label = label_of(result)
    return [
        f"{result.job_id}: {label[:1].lower()}{label[1:] or result.status}",
        f"  coverage  {coverage.succeeded} of {coverage.submitted} tasks succeeded"
        f" (failed {coverage.failed}, skipped {coverage.skipped}, not started {coverage.unstarted})",
        f"  cost      {usage.calls:,} calls, {usage.input_tokens:,} input and {usage.output_tokens:,} output tokens, "
        f"{usage.usd:.4f} USD",
        f"  time      {clock(result.makespan_s)}",
    ]


def report_lines(report: Report) -> list[str]:
    """Stages, models, slowest tasks and failures, each as a small table."""
    lines = _stages(report)
    if report.by_model:
        lines += ["", f"  {'model':{_MODEL_WIDTH}} {'calls':>8} {'input tok':>12} {'output tok':>12} {'USD':>11}"]
        lines += [
            f"  {shortened(model, _MODEL_WIDTH):{_MODEL_WIDTH}} {usage.calls:8,} {usage.input_tokens:12,} "
            f"{usage.output_tokens:12,} {usage.usd:11.4f}"
            for model, usage in sorted(report.by_model.items())
        ]
    if report.slowest:
        lines += ["", "  slowest tasks"]
        lines += [f"  {seconds:9.2f} s  {shortened(name, _SOURCE_WIDTH)}" for name, seconds in report.slowest]
    if report.failures:
        lines += ["", "  failures"]
        for group in report.failures:
            lines += _failure(group)
    return lines


def clock(seconds: float) -> str:
    """``"7.5 s"``, ``"3 min 20 s"``, ``"2 h 5 min"``."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def shortened(text: str, width: int) -> str:
    """``text`` in at most ``width`` characters: the middle goes, for paths differ at the end and begin alike."""
    if len(text) <= width:
        return text
    head = (width - 1) // 3
    return f"{text[:head]}…{text[len(text) - (width - 1 - head) :]}"


def shown_path(path: str | Path, here: Path) -> str:
    """``path`` relative to the folder ``here`` when it lies below it, else in full."""
    whole = here / path
    return str(whole.relative_to(here)) if whole.is_relative_to(here) else str(whole)


def _stages(report: Report) -> list[str]:
    lines = [
        f"  {'stage':7} {'tasks':>8} {'p50':>9} {'p99':>9} {'max':>9} {'admission':>11} {'model':>11} {'back-off':>11} "
        f"{'retries':>8} {'429s':>6}"
    ]
    for stage in report.stages:
        spread = stage.duration
        lines.append(
            f"  {stage.stage:7} {stage.tasks:8,} {spread.p50_s:7.2f} s {spread.p99_s:7.2f} s {spread.max_s:7.2f} s "
            f"{stage.admission_s:9,.1f} s {stage.model_s:9,.1f} s {stage.backoff_s:9,.1f} s "
            f"{stage.retries:8,} {stage.throttled:6,}"
        )
    return lines


def _failure(group: FailureGroup) -> list[str]:
    lines = [
        f"  {group.count:6,} x {group.kind}: {group.message}",
        f"           such as {', '.join(shortened(source, _SOURCE_WIDTH) for source in group.sources)}",
    ]
    return [*lines, f"           remedy: {group.remedy}"] if group.remedy else lines
