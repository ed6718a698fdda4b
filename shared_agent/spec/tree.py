"""The reduction tree: contiguous groups in input order, so that the output does not depend on timing.

    level 2               r2-0                      groups of 3, 7 leaves
    level 1      r1-0     r1-1     r1-2             the last group may be smaller;
    level 0    0  1  2   3  4  5    6               a group of one is passed up without a call

Which leaves a node covers follows from its level and index alone. Only the right edge and the root depend on the number
of leaves, so a group can be reduced while the input is still being read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from shared_agent.errors import InputError


@dataclass(frozen=True, slots=True)
class Node:
    """A place in the tree: level 0 holds the map results, the highest level the root."""

    level: int
    index: int


@dataclass(frozen=True, slots=True)
class Tree:
    """The shape of a reduction by groups of ``group_size`` (at least 2, else InputError); pure arithmetic."""

    group_size: int

    def __post_init__(self) -> None:
        if self.group_size < 2:
            raise InputError("reduce.group_size", f"is {self.group_size}", remedy="give at least 2")

    def widths(self, leaves: int) -> list[int]:
        """Nodes a level, from the leaves up to the root: ``[7, 3, 1]`` for seven leaves in groups of three."""
        widths = [leaves]
        while widths[-1] > 1:
            widths.append(-(-widths[-1] // self.group_size))
        return widths

    def root(self, leaves: int) -> Node:
        """The node whose result is the job's."""
        return Node(len(self.widths(leaves)) - 1, 0)

    def parent(self, node: Node) -> Node:
        """The group that ``node`` belongs to."""
        return Node(node.level + 1, node.index // self.group_size)

    def children(self, node: Node, leaves: int | None) -> list[Node]:
        """The members of the group, in input order; ``leaves`` is None while their number is unknown."""
        first = node.index * self.group_size
        end = first + self.group_size
        if leaves is not None:
            end = min(end, self.widths(leaves)[node.level - 1])
        return [Node(node.level - 1, index) for index in range(first, end)]

    def leaf_span(self, node: Node, leaves: int | None) -> range:
        """The leaves that a node covers."""
        size = self.group_size**node.level
        end = (node.index + 1) * size
        return range(node.index * size, end if leaves is None else min(end, leaves))

    def inner_nodes(self, leaves: int) -> Iterator[Node]:
        """Every group with more than one member, level by level: the model calls that a reduction costs."""
        for level, width in enumerate(self.widths(leaves)[1:], start=1):
            for index in range(width):
                node = Node(level, index)
                if len(self.children(node, leaves)) > 1:
                    yield node

    def calls(self, leaves: int) -> int:
        """How many reduce calls ``leaves`` results need."""
        count = 0
        while leaves > 1:
            full, rest = divmod(leaves, self.group_size)
            count += full + (rest > 1)
            leaves = full + (rest > 0)
        return count


def task_id(node: Node) -> str:
    """The id of the task at a node: ``map-000012``, ``reduce-1-000003``."""
    return f"map-{node.index:06}" if node.level == 0 else f"reduce-{node.level}-{node.index:06}"
