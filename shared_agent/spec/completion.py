"""When a fan-out is over, and why: one pure decision for every runtime.

    counts + elapsed time ──► decide ──► None            go on
                                    └──► EndReason       start nothing more; what runs is let finish or cancelled

The order of the questions is fixed, so that two runtimes that see the same counts give the same reason:
cancelled, budget, deadline, tolerance exceeded, all done, quorum reached.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from shared_agent.errors import InputError
from shared_agent.spec.bounds import above_zero, at_least


class EndReason(StrEnum):
    """Why a fan-out ended."""

    ALL_DONE = "all_done"
    QUORUM_REACHED = "quorum_reached"
    TOLERANCE_EXCEEDED = "tolerance_exceeded"
    DEADLINE = "deadline"
    BUDGET = "budget"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Counts:
    """Branches of a fan-out by state. ``total`` is None while the input is still being read."""

    succeeded: int = 0
    failed: int = 0
    skipped: int = 0
    total: int | None = None

    @property
    def ended(self) -> int:
        return self.succeeded + self.failed + self.skipped


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionPolicy:
    """How many branches must succeed, how many may fail, and how long it may take.

    ``min_successful`` ends the fan-out as soon as that many have succeeded (a quorum; 1 is first-wins).
    ``tolerated_failure_count`` and ``tolerated_failure_percentage`` (0 to 100, of all branches) end it when *more*
    have failed; with neither, any number may fail. ``branch_timeout_s`` bounds one task with its waits and retries.
    ``deadline_s`` bounds the map stage: what has succeeded by then is still combined. ``min_coverage`` (0 to 1) is the
    share of tasks that must have succeeded for the final synthesis to be made at all.

    Raises InputError naming the field when a value is out of range.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    min_successful: int | None = None
    tolerated_failure_count: int | None = None
    tolerated_failure_percentage: float | None = None
    branch_timeout_s: float | None = None
    deadline_s: float | None = None
    min_coverage: float = 0.5

    def __post_init__(self) -> None:
        at_least("completion.min_successful", self.min_successful, 1)
        at_least("completion.tolerated_failure_count", self.tolerated_failure_count, 0)
        at_least("completion.tolerated_failure_percentage", self.tolerated_failure_percentage, 0)
        above_zero("completion.branch_timeout_s", self.branch_timeout_s, "seconds")
        above_zero("completion.deadline_s", self.deadline_s, "seconds")
        if self.tolerated_failure_percentage is not None and self.tolerated_failure_percentage > 100:
            raise InputError("completion.tolerated_failure_percentage", "is above 100", remedy="give a percentage")
        if not 0 <= self.min_coverage <= 1:
            raise InputError("completion.min_coverage", "is not between 0 and 1", remedy="0.5 means half of the tasks")

    def decide(
        self, counts: Counts, elapsed_s: float, *, cancelled: bool = False, budget_reached: bool = False
    ) -> EndReason | None:
        """Whether the fan-out is over, given what has ended after ``elapsed_s`` seconds."""
        deadline_passed = self.deadline_s is not None and elapsed_s >= self.deadline_s
        all_done = counts.total is not None and counts.ended >= counts.total
        quorum = self.min_successful is not None and counts.succeeded >= self.min_successful
        if cancelled:
            return EndReason.CANCELLED
        if budget_reached and not all_done:
            return EndReason.BUDGET
        if deadline_passed and not all_done:
            return EndReason.DEADLINE
        if self.tolerance_exceeded(counts):
            return EndReason.TOLERANCE_EXCEEDED
        if all_done:
            return EndReason.ALL_DONE
        if quorum:
            return EndReason.QUORUM_REACHED
        return None

    def tolerance_exceeded(self, counts: Counts) -> bool:
        """Whether more branches failed than are tolerated. A percentage is only known once the total is."""
        too_many = self.tolerated_failure_count is not None and counts.failed > self.tolerated_failure_count
        share = 100 * counts.failed / counts.total if counts.total else 0.0
        too_large = self.tolerated_failure_percentage is not None and share > self.tolerated_failure_percentage
        return too_many or too_large
