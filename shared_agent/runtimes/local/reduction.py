"""Eager reduction as a pure state machine: a group is ready when its own members are done, not when their level is.

    level barrier  maps ████████████│ reduce ███│ root █         every group waits for the slowest map
    eager          maps ████████████  reduce starts as groups fill   root █

It only holds what is waiting for a sibling, which is at most a group for each task in flight and level.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared_agent.spec import coverage
from shared_agent.spec.coverage import Coverage
from shared_agent.spec.payload import Payload
from shared_agent.spec.tree import Node, Tree


@dataclass(frozen=True, slots=True)
class Result:
    """What came out of a node: its value (None when there is none) and what it stands on.

    ``lifted`` is False while the value is a map value that no reducer has taken in yet.
    """

    payload: Payload | None
    coverage: Coverage
    lifted: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Members whose values are to be combined into ``node``; ``coverage`` includes the members without a value."""

    node: Node
    members: tuple[Result, ...]
    coverage: Coverage
    final: bool


class Reduction:
    """The tree over ``leaves`` map results. Feed it results; it answers which groups can be combined."""

    def __init__(self, tree: Tree, leaves: int) -> None:
        self._tree = tree
        self._widths = tree.widths(leaves)
        self.root_node = Node(len(self._widths) - 1, 0)
        self.root: Result | None = Result(None, Coverage()) if leaves == 0 else None
        self._waiting: dict[Node, dict[int, Result]] = {}

    @property
    def waiting(self) -> int:
        """Results held until their siblings are done."""
        return sum(len(members) for members in self._waiting.values())

    def done(self, node: Node, result: Result) -> Group | None:
        """Take in the result of ``node``. Returns the group that became ready, if one did and it takes a call.

        A group with at most one value needs none and is passed up at once; ``root`` is set when the top is reached.
        """
        while True:
            if node == self.root_node:
                self.root = result
                return None
            parent = self._tree.parent(node)
            members = self._waiting.setdefault(parent, {})
            members[node.index] = result
            if len(members) < self._size(parent):
                return None
            del self._waiting[parent]
            ordered = [members[index] for index in sorted(members)]
            stands_on = coverage.total(member.coverage for member in ordered)
            with_value = tuple(member for member in ordered if member.payload is not None)
            if len(with_value) > 1:
                return Group(parent, with_value, stands_on, final=parent == self.root_node)
            only = with_value[0] if with_value else Result(None, stands_on)
            node, result = parent, Result(only.payload, stands_on, only.lifted)

    def _size(self, node: Node) -> int:
        first = node.index * self._tree.group_size
        return min(self._tree.group_size, self._widths[node.level - 1] - first)
