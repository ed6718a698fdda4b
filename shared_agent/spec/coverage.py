"""Which tasks a result stands on: the check that keeps a partial fan-out from passing for a whole one (seed §18).

submitted = succeeded + failed + skipped + unstarted + in_flight
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from shared_agent.spec.payload import preview

NAMED_LIMIT = 20
"""Missing tasks that are named one by one; beyond that they are counted."""


class Missing(msgspec.Struct, frozen=True, omit_defaults=True):
    """A task without a result: its id, the input it stood for, and why."""

    task_id: str
    source: str = ""
    reason: str = ""


class Coverage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Map tasks by what became of them. ``missing`` names the first ``NAMED_LIMIT`` without a result."""

    submitted: int = 0
    succeeded: int = 0
    failed: int = 0
    skipped: int = 0
    unstarted: int = 0
    in_flight: int = 0
    missing: tuple[Missing, ...] = ()

    @property
    def balanced(self) -> bool:
        """Whether every submitted task is accounted for exactly once."""
        return self.submitted == self.succeeded + self.failed + self.skipped + self.unstarted + self.in_flight

    @property
    def complete(self) -> bool:
        """Whether every submitted task succeeded."""
        return self.balanced and self.succeeded == self.submitted

    @property
    def fraction(self) -> float:
        """Succeeded over submitted; 1.0 for an empty fan-out."""
        return self.succeeded / self.submitted if self.submitted else 1.0

    def __add__(self, other: Coverage) -> Coverage:
        return Coverage(
            submitted=self.submitted + other.submitted,
            succeeded=self.succeeded + other.succeeded,
            failed=self.failed + other.failed,
            skipped=self.skipped + other.skipped,
            unstarted=self.unstarted + other.unstarted,
            in_flight=self.in_flight + other.in_flight,
            missing=(self.missing + other.missing)[:NAMED_LIMIT],
        )

    def describe_missing(self) -> str:
        """What is not covered, in words: ``"2 of 10 inputs are missing: a.md (failed: timeout), b.md (skipped)"``."""
        gap = self.submitted - self.succeeded
        if gap == 0:
            return ""
        named = [
            f"{item.source or item.task_id} ({item.reason})" if item.reason else item.source or item.task_id
            for item in self.missing
        ]
        more = f", and {gap - len(named)} more" if gap > len(named) and named else ""
        return f"{gap} of {self.submitted} inputs are missing" + (f": {', '.join(named)}{more}" if named else "")


def total(parts: Iterable[Coverage]) -> Coverage:
    """The coverage of several parts together, in their order."""
    result = Coverage()
    for part in parts:
        result += part
    return result


def after(before: Coverage, status: str, task_id: str, source: str, reason: str) -> Coverage:
    """What stands after a task ended as ``status``.

    ``before`` is what its inputs stood on (empty for a map task, which stands for one input). Where a reduction did not
    succeed, everything under it is lost.
    """
    if status == "succeeded":
        return before if before.submitted else _ONE
    lost = before.succeeded if before.submitted else 1
    word = "failed" if status == "failed" else "skipped"
    missing = Missing(task_id, source, preview(f"{word}: {reason}", 120))
    return Coverage(
        submitted=before.submitted or 1,
        failed=before.failed + (lost if status == "failed" else 0),
        skipped=before.skipped + (lost if status == "skipped" else 0),
        unstarted=before.unstarted,
        in_flight=before.in_flight,
        missing=(*before.missing, missing)[:NAMED_LIMIT],
    )


_ONE = Coverage(submitted=1, succeeded=1)
