"""The reduction tree: every leaf counted once, in order, whoever asks and whenever."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_agent.errors import InputError
from shared_agent.spec.tree import Node, Tree, task_id

sizes = st.integers(2, 12)
leaves = st.integers(1, 400)


@given(sizes, leaves)
def test_every_level_covers_every_leaf_once_and_in_order(group_size: int, count: int) -> None:
    tree = Tree(group_size)
    for level, width in enumerate(tree.widths(count)):
        spans = [tree.leaf_span(Node(level, index), count) for index in range(width)]
        assert [leaf for span in spans for leaf in span] == list(range(count))
        assert all(len(span) > 0 for span in spans)


@given(sizes, leaves)
def test_a_node_covers_what_its_children_cover(group_size: int, count: int) -> None:
    tree = Tree(group_size)
    for level, width in enumerate(tree.widths(count)[1:], start=1):
        for index in range(width):
            node = Node(level, index)
            children = tree.children(node, count)
            assert 1 <= len(children) <= group_size
            assert all(tree.parent(child) == node for child in children)
            covered = [leaf for child in children for leaf in tree.leaf_span(child, count)]
            assert covered == list(tree.leaf_span(node, count))


@given(sizes, leaves)
def test_the_root_covers_everything(group_size: int, count: int) -> None:
    tree = Tree(group_size)
    assert tree.leaf_span(tree.root(count), count) == range(count)


@given(sizes, st.integers(0, 400))
def test_calls_are_the_groups_of_more_than_one(group_size: int, count: int) -> None:
    tree = Tree(group_size)
    nodes = list(tree.inner_nodes(count))
    assert tree.calls(count) == len(nodes) == len(set(nodes))
    assert all(len(tree.children(node, count)) > 1 for node in nodes)


@given(sizes, leaves)
def test_a_tree_joins_all_leaves_with_the_members_that_it_merges(group_size: int, count: int) -> None:
    tree = Tree(group_size)
    merged = sum(len(tree.children(node, count)) - 1 for node in tree.inner_nodes(count))
    assert merged == count - 1


@given(sizes, leaves)
def test_a_full_group_is_the_same_before_the_number_of_leaves_is_known(group_size: int, count: int) -> None:
    tree = Tree(group_size)
    for level, width in enumerate(tree.widths(count)[1:], start=1):
        for index in range(width):
            node = Node(level, index)
            early, final = tree.children(node, None), tree.children(node, count)
            assert early[: len(final)] == final
            assert len(early) == group_size
            assert tree.leaf_span(node, None).start == tree.leaf_span(node, count).start
            if tree.leaf_span(node, None).stop <= count:
                assert early == final
                assert tree.leaf_span(node, None) == tree.leaf_span(node, count)


def test_the_drawing_of_seven_leaves_in_groups_of_three() -> None:
    tree = Tree(3)
    assert tree.widths(7) == [7, 3, 1]
    assert tree.children(Node(1, 2), 7) == [Node(0, 6)]
    assert [task_id(node) for node in tree.inner_nodes(7)] == [
        "reduce-1-000000",
        "reduce-1-000001",
        "reduce-2-000000",
    ]
    assert task_id(Node(0, 12)) == "map-000012"


def test_one_leaf_or_none_needs_no_call() -> None:
    assert Tree(10).widths(0) == [0]
    assert Tree(10).calls(0) == Tree(10).calls(1) == 0
    assert Tree(10).root(1) == Node(0, 0)


@pytest.mark.parametrize("group_size", [1, 0, -3])
def test_a_group_of_fewer_than_two_is_refused(group_size: int) -> None:
    with pytest.raises(InputError) as refused:
        Tree(group_size)
    assert str(refused.value) == f"reduce.group_size: is {group_size} (give at least 2)"
