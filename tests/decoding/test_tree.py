"""Trees keep parents before children and drawing order among siblings, whatever is cut or joined."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foretell.decoding.distribution import Distribution
from foretell.decoding.tree import ROOT, Kind, Tree, is_prefix_closed

Q = Distribution.of(np.ones(4))


@st.composite
def trees(draw, kinds=tuple(Kind)) -> Tree:
    tree = Tree()
    for node in range(draw(st.integers(0, 8))):
        kind = draw(st.sampled_from(kinds))
        tree.add(draw(st.integers(0, 3)), draw(st.integers(-1, node - 1)), kind, None if kind is Kind.FIXED else Q, "s", node)
    return tree


def paths(tree: Tree) -> set[tuple[int, ...]]:
    return {tuple(tree.tokens[up] for up in tree.path(node)) for node in range(len(tree))}


@given(trees(), st.integers(0, 9), st.integers(0, 5))
@settings(max_examples=150, deadline=None)
def test_clip_keeps_the_first_nodes_that_are_not_too_deep(tree, num_nodes, depth):
    clipped = tree.clip(num_nodes, depth)
    expected = [node for node in range(len(tree)) if len(tree.path(node)) <= depth][:num_nodes]
    assert clipped.grades == [tree.grades[node] for node in expected]
    assert clipped.depths() == [tree.depths()[node] for node in expected]


@given(trees(), trees())
@settings(max_examples=150, deadline=None)
def test_union_has_both_and_merges_fixed_paths_only(a, b):
    both = a.union(b)
    assert paths(both) == paths(a) | paths(b)
    assert all(parent < node for node, parent in enumerate(both.parents))
    assert both.subtree(range(len(a))) == a
    sampled = [kind for tree in (a, b) for kind in tree.kinds if kind is not Kind.FIXED]
    assert sorted(kind.value for kind in both.kinds if kind is not Kind.FIXED) == sorted(kind.value for kind in sampled)
    merged = [(parent, token) for parent, token, kind in zip(both.parents, both.tokens, both.kinds, strict=True) if kind is Kind.FIXED]
    ours = len([kind for kind in a.kinds if kind is Kind.FIXED])
    assert len(set(merged[ours:])) == len(merged[ours:])


def test_two_groups_that_share_a_q_stay_two_groups():
    """Groups are told apart by their q object; two drafters may well return the same one."""
    a, b = Tree(), Tree()
    for tree in (a, b):
        tree.add(1, kind=Kind.SAMPLED, q=Q)
        tree.add(2, kind=Kind.SAMPLED, q=Q)
    both = a.union(b)
    assert both.q[0] is both.q[1]
    assert both.q[2] is both.q[3]
    assert both.q[0] is not both.q[2]
    assert both.q[2].dense().tolist() == Q.dense().tolist()


@given(trees())
@settings(max_examples=100, deadline=None)
def test_depths_ranks_paths_and_children_agree(tree):
    children = tree.children()
    for node in range(len(tree)):
        assert tree.depths()[node] == len(tree.path(node))
        assert children[tree.parents[node]][tree.ranks()[node]] == node
    assert tree.path(ROOT) == []
    assert sum(map(len, children.values())) == len(tree)


def test_wrong_trees_are_refused():
    tree = Tree.chain([1, 2])
    with pytest.raises(ValueError, match="parent=5"):
        tree.add(1, parent=5)
    with pytest.raises(ValueError, match="needs the q"):
        tree.add(1, kind=Kind.SAMPLED)
    with pytest.raises(ValueError, match="takes no q"):
        tree.add(1, q=Q)
    with pytest.raises(ValueError, match="not closed"):
        tree.subtree([1])


def test_prefix_closed():
    assert is_prefix_closed([(0,), (0, 1)])
    assert not is_prefix_closed([(0,), (1, 1)])
