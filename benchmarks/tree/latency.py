"""A reduction tree with a latency at every node, and what no schedule of it can beat."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.fanout.work import latencies
from shared_agent.spec.tree import Node, Tree

LEAVES = 1_000
GROUP_SIZE = 10


@dataclass(frozen=True, slots=True)
class Grove:
    """One draw: ``levels[k][j]`` is the latency in seconds of the node at level k, index j."""

    levels: list[list[float]]

    @classmethod
    def grow(cls, seed: int) -> Grove:
        widths = Tree(GROUP_SIZE).widths(LEAVES)
        drawn = iter(latencies(sum(widths), seed=seed))
        return cls([[next(drawn) for _ in range(width)] for width in widths])

    def latency(self, node: Node) -> float:
        return self.levels[node.level][node.index]

    def critical_path_s(self) -> float:
        """finish(node) = max(finish(its members)) + latency(node)"""
        finish = self.levels[0]
        for level in self.levels[1:]:
            members = [finish[GROUP_SIZE * index : GROUP_SIZE * (index + 1)] for index in range(len(level))]
            finish = [max(group) + latency for group, latency in zip(members, level, strict=True)]
        return finish[0]

    def bound_s(self, cap: int | None) -> float:
        """The larger of the critical path and the work over the cap; the root can only start after everything else."""
        if cap is None:
            return self.critical_path_s()
        root = self.levels[-1][0]
        work = sum(map(sum, self.levels)) - root
        return max(self.critical_path_s(), work / cap + root)
