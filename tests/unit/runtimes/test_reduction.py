"""Eager reduction: whatever the order of completion, the same groups in the same places."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from shared_agent.runtimes.local.reduction import Group, Reduction, Result
from shared_agent.spec.coverage import Coverage
from shared_agent.spec.payload import Inline
from shared_agent.spec.tree import Node, Tree

ONE = Coverage(submitted=1, succeeded=1)
LOST = Coverage(submitted=1, failed=1)

shapes = st.tuples(st.integers(2, 6), st.integers(1, 60))


@dataclass
class Run:
    """Combines strings by brackets, so that a value shows the whole tree under it."""

    reduction: Reduction
    order: random.Random
    failing: frozenset[Node] = frozenset()
    groups: dict[Node, Group] = field(default_factory=dict)
    most_waiting: int = 0

    def through(self, leaves: list[Result], in_flight: int) -> Result:
        source = iter(list(enumerate(leaves)))
        running: list[tuple[Node, Result]] = []
        while True:
            while len(running) < in_flight and (leaf := next(source, None)) is not None:
                running.append((Node(0, leaf[0]), leaf[1]))
            if not running:
                break
            node, result = running.pop(self.order.randrange(len(running)))
            group = self.reduction.done(node, result)
            self.most_waiting = max(self.most_waiting, self.reduction.waiting)
            if group is not None:
                assert group.node not in self.groups
                self.groups[group.node] = group
                running.append((group.node, self._combine(group)))
        assert self.reduction.root is not None
        assert self.reduction.waiting == 0
        return self.reduction.root

    def _combine(self, group: Group) -> Result:
        if group.node in self.failing:
            lost = Coverage(submitted=group.coverage.submitted, failed=group.coverage.submitted)
            return Result(None, lost, lifted=True)
        values = [member.payload.data for member in group.members if isinstance(member.payload, Inline)]
        return Result(Inline(f"({' '.join(values)})"), group.coverage, lifted=True)


def all_good(leaves: int) -> list[Result]:
    return [Result(Inline(str(number)), ONE) for number in range(leaves)]


def expected(tree: Tree, node: Node, leaves: int, lost: frozenset[int] = frozenset()) -> str:
    """The value of a node by recursion over the tree; ``""`` when nothing is left under it."""
    if node.level == 0:
        return "" if node.index in lost else str(node.index)
    values = [value for child in tree.children(node, leaves) if (value := expected(tree, child, leaves, lost))]
    return f"({' '.join(values)})" if len(values) > 1 else "".join(values)


@given(shape=shapes, seed=st.integers(0, 10**6), in_flight=st.integers(1, 80))
def test_any_order_of_completion_gives_the_groups_of_the_tree(
    shape: tuple[int, int], seed: int, in_flight: int
) -> None:
    size, leaves = shape
    tree = Tree(size)
    run = Run(Reduction(tree, leaves), random.Random(seed))
    root = run.through(all_good(leaves), in_flight)
    assert set(run.groups) == set(tree.inner_nodes(leaves))
    assert root.payload == Inline(expected(tree, tree.root(leaves), leaves))
    assert root.coverage == Coverage(submitted=leaves, succeeded=leaves)
    assert [node for node, group in run.groups.items() if group.final] == [tree.root(leaves)] * (leaves > 1)


@given(shape=shapes, seed=st.integers(0, 10**6), data=st.data())
def test_lost_leaves_are_left_out_and_counted(shape: tuple[int, int], seed: int, data: st.DataObject) -> None:
    size, leaves = shape
    lost = data.draw(st.frozensets(st.integers(0, leaves - 1)))
    results = [Result(None, LOST) if n in lost else Result(Inline(str(n)), ONE) for n in range(leaves)]
    tree = Tree(size)
    root = Run(Reduction(tree, leaves), random.Random(seed)).through(results, 7)
    value = expected(tree, tree.root(leaves), leaves, lost)
    assert (root.payload.data if isinstance(root.payload, Inline) else "") == value
    assert root.coverage == Coverage(submitted=leaves, succeeded=leaves - len(lost), failed=len(lost))
    # A single survivor was never reduced: it is passed up as it came.
    assert root.lifted == (leaves - len(lost) > 1)


@given(shape=shapes, seed=st.integers(0, 10**6), data=st.data())
def test_a_failed_reduce_loses_what_is_under_it_and_nothing_else(
    shape: tuple[int, int], seed: int, data: st.DataObject
) -> None:
    size, leaves = shape
    tree = Tree(size)
    level_one = [node for node in tree.inner_nodes(leaves) if node.level == 1]
    failing = frozenset(data.draw(st.lists(st.sampled_from(level_one), unique=True)) if level_one else [])
    root = Run(Reduction(tree, leaves), random.Random(seed), failing).through(all_good(leaves), 5)
    lost = sum(len(tree.leaf_span(node, leaves)) for node in failing)
    assert root.coverage == Coverage(submitted=leaves, succeeded=leaves - lost, failed=lost)


@given(size=st.integers(2, 10), in_flight=st.integers(1, 16), seed=st.integers(0, 10**6))
def test_what_waits_for_a_sibling_is_bounded_by_what_is_in_flight_and_not_by_the_input(
    size: int, in_flight: int, seed: int
) -> None:
    leaves = 500
    tree = Tree(size)
    run = Run(Reduction(tree, leaves), random.Random(seed))
    run.through(all_good(leaves), in_flight)
    # Whatever runs holds back at most the siblings of its own group, and of the groups above it.
    assert run.most_waiting <= (len(tree.widths(leaves)) - 1) * (size - 1) * (in_flight + 1)


def test_no_leaves_and_one_leaf() -> None:
    assert Reduction(Tree(3), 0).root == Result(None, Coverage())
    one = Reduction(Tree(3), 1)
    assert one.done(Node(0, 0), Result(Inline("x"), ONE)) is None
    assert one.root == Result(Inline("x"), ONE)
