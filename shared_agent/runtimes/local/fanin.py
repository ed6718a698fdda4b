"""The running state of one job: what has ended, what it stands on, what can be reduced. Pure bookkeeping, no I/O."""

from __future__ import annotations

import bisect

from shared_agent.runtimes.local.record import Progress
from shared_agent.runtimes.local.reduction import Group, Reduction, Result
from shared_agent.spec.completion import CompletionPolicy, Counts, EndReason
from shared_agent.spec.coverage import NAMED_LIMIT, Coverage, Missing
from shared_agent.spec.outcome import Outcome
from shared_agent.spec.tree import Node, Tree
from shared_agent.spec.usage import Usage

_UNSTARTED = Coverage(submitted=1, unstarted=1)


class FanIn:
    """Takes in outcomes and decides what follows. ``leaves`` is the number of map tasks."""

    def __init__(self, leaves: int, *, policy: CompletionPolicy, group_size: int | None) -> None:
        self.leaves = leaves
        self.reason: EndReason | None = None
        self.usage = Usage()
        self.calls_made = 0
        self.replayed = 0
        self.reduced = 0
        self._policy = policy
        self._ended = bytearray(leaves)
        self._succeeded = 0
        self._failed = 0
        self._skipped = 0
        self._missing: list[tuple[str, Missing]] = []
        shape = Tree(group_size) if group_size is not None else None
        self.reduces = shape.calls(leaves) if shape is not None else 0
        self.reduction = Reduction(shape, leaves) if shape is not None else None

    @property
    def counts(self) -> Counts:
        """Map tasks that have ended, by how."""
        return Counts(self._succeeded, self._failed, self._skipped, self.leaves)

    @property
    def coverage(self) -> Coverage:
        """What the map stage stands on now; what has not ended counts as unstarted."""
        ended = self._succeeded + self._failed + self._skipped
        return Coverage(
            submitted=self.leaves,
            succeeded=self._succeeded,
            failed=self._failed,
            skipped=self._skipped,
            unstarted=self.leaves - ended,
            missing=tuple(missing for _, missing in self._missing),
        )

    def take_map(self, index: int, outcome: Outcome) -> Group | None:
        """A map task ended. Returns the group that it completed."""
        self._account(outcome)
        self._ended[index] = 1
        if outcome.status == "succeeded":
            self._succeeded += 1
        else:
            self._failed += outcome.status == "failed"
            self._skipped += outcome.status == "skipped"
            for missing in outcome.coverage.missing:
                bisect.insort(self._missing, (missing.task_id, missing))
            del self._missing[NAMED_LIMIT:]
        return self._reduce(Node(0, index), Result(outcome.value, outcome.coverage))

    def take_reduce(self, node: Node, outcome: Outcome) -> Group | None:
        """A reduce task ended. Returns the group that it completed."""
        self._account(outcome)
        self.reduced += 1
        return self._reduce(node, Result(outcome.value, outcome.coverage, lifted=True))

    def close(self, reason: EndReason) -> list[Group]:
        """The map stage ends here: what never ended leaves its place in the tree empty, so that the rest can be combined.

        Returns the groups that this completes.
        """
        self.reason = reason
        groups: list[Group] = []
        for index in range(self.leaves):
            if not self._ended[index]:
                group = self._reduce(Node(0, index), Result(None, _UNSTARTED))
                groups += [group] if group is not None else []
        return groups

    def decide(self, elapsed_s: float, *, cancelled: bool, budget_reached: bool) -> EndReason | None:
        """Whether the map stage is over."""
        return self._policy.decide(self.counts, elapsed_s, cancelled=cancelled, budget_reached=budget_reached)

    def progress(self, in_flight: int, elapsed_s: float) -> Progress:
        """The state in a few numbers, with the rest predicted from the pace so far."""
        done = self._succeeded + self._failed + self._skipped
        steps = self.leaves + self.reduces
        ahead = steps - done - self.reduced
        eta_s = elapsed_s * ahead / (done + self.reduced) if done else None
        return Progress(
            total=self.leaves,
            succeeded=self._succeeded,
            failed=self._failed,
            skipped=self._skipped,
            in_flight=in_flight,
            reduced=self.reduced,
            reduces=self.reduces,
            usage=self.usage,
            elapsed_s=elapsed_s,
            eta_s=eta_s,
        )

    def _account(self, outcome: Outcome) -> None:
        self.usage += outcome.usage
        if outcome.replayed:
            self.replayed += 1
        else:
            self.calls_made += outcome.calls

    def _reduce(self, node: Node, result: Result) -> Group | None:
        return self.reduction.done(node, result) if self.reduction is not None else None
