"""Stochastic beams: their distribution against perturbed log-probabilities as the papers have them, and what verification makes of them.

The independent reference is vectorised NumPy: Gumbel noise, conditioned from parent to child on its maximum.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chisquare

from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.distribution import Distribution
from foretell.decoding.drafter import Ask, Drafter
from foretell.decoding.drafters.draft_model import DraftModel
from foretell.decoding.drafters.stochastic_beam import StochasticBeam
from foretell.decoding.draws import Draws, SampledDraws, enumerate_outcomes
from foretell.decoding.paces.never_slower import NeverSlower
from foretell.decoding.recipe import Recipe
from foretell.decoding.sampler import Sampler
from foretell.decoding.samplers.top_k import TopK
from foretell.decoding.samplers.top_p import TopP
from foretell.decoding.tree import ROOT, Kind, Tree
from foretell.decoding.verifier import KindMismatchError, Target, Verifier
from foretell.decoding.verifiers.k_seq import KSeq
from foretell.decoding.verifiers.multi_round import MultiRound
from foretell.decoding.verifiers.recursive_rejection import RecursiveRejection
from foretell.models.base import Feed
from foretell.models.tiny import TinyModel
from foretell.testing.laws import LawCase, check_law
from tests.decoding.helpers import GREEDY

Floats = NDArray[np.float64]
#: Level by level in drafting order: (rank of the parent in its level, token).
Shape = tuple[tuple[tuple[int, int], ...], ...]
NUM_DRAWS = 120_000
#: Seeds are fixed, so these runs are the same again; a right distribution would be rejected once in a thousand other seeds.
FALSE_ALARM = 0.001


def propose(drafter: Drafter, draws: Draws, sampler: Sampler, num_nodes: int = 80, depth: int = 80) -> Tree:
    model = drafter.model  # type: ignore[attr-defined]
    state = drafter.begin(drafter.remember(model), [0])
    return drafter.propose([Ask([0], 1, state, num_nodes, depth, sampler, draws)])[0]


def distribution_after(model: TinyModel, sampler: Sampler, tokens: tuple[int, ...]) -> Distribution:
    row = model.forward([Feed(model.new_cache(), [0, *tokens], num_logits=1)])[0].logits[-1]
    return sampler.distribution(row, [0, *tokens], 1)


def tables(model: TinyModel, sampler: Sampler) -> tuple[Floats, Floats]:
    """Law of the first token (V,) and of the second given the first (V, V)."""
    size = model.vocab_size
    return distribution_after(model, sampler, ()).dense(), np.array(
        [distribution_after(model, sampler, (token,)).dense() for token in range(size)]
    )


# ---- the reference


def logs(p: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return np.log(p)


def gumbels_below(phi: Floats, maximum: Floats, random: np.random.Generator) -> Floats:
    """Gumbel noise of locations phi (..., V), given that its maximum over the last axis is `maximum` (...): Kool et al.,
    appendix B.3. Impossible tokens have phi = -inf, and so has their noise."""
    noise = phi + random.gumbel(size=phi.shape)
    top = noise.max(-1, keepdims=True)
    maximum = maximum[..., None]
    with np.errstate(divide="ignore", invalid="ignore"):
        u = maximum - noise + np.log1p(-np.exp(noise - top))  # -inf at the largest, which becomes the maximum itself
        below = maximum - np.maximum(0.0, u) - np.log1p(np.exp(-np.abs(u)))
    return np.where(np.isneginf(phi), -np.inf, below)


def best(values: Floats, num: int) -> NDArray[np.int64]:
    """Places of the `num` largest of each row, largest first."""
    return np.argsort(-values, axis=-1, kind="stable")[..., :num]


def gumbel_beams(q: Floats, q2: Floats, width: int, num: int, random: np.random.Generator) -> Counter[Shape]:
    """Trees of two levels by RSD-S, as the paper draws them."""
    size = len(q)
    first_noise = gumbels_below(np.broadcast_to(logs(q), (num, size)), np.zeros(num), random)
    first = best(first_noise, width)
    above = np.take_along_axis(first_noise, first, -1)
    noise = gumbels_below(logs(q)[first][..., None] + logs(q2)[first], above, random).reshape(num, -1)
    second = best(noise, width)
    return shapes(first, second // size, second % size)


def gumbel_branches(q: Floats, q2: Floats, branching: tuple[int, int], num: int, random: np.random.Generator) -> Counter[Shape]:
    """Trees of two levels by RSD-C: the Gumbel-top-k trick at each node."""
    first = best(logs(q) + random.gumbel(size=(num, len(q))), branching[0])
    second = best(logs(q2)[first] + random.gumbel(size=(*first.shape, len(q))), branching[1])
    parents = np.broadcast_to(np.arange(branching[0])[:, None], second.shape[1:])
    return shapes(first, np.broadcast_to(parents.reshape(-1), (num, parents.size)), second.reshape(num, -1))


def shapes(first: NDArray[np.int64], parents: NDArray[np.int64], second: NDArray[np.int64]) -> Counter[Shape]:
    rows, counts = np.unique(np.concatenate([first, parents, second], -1), axis=0, return_counts=True)
    found: Counter[Shape] = Counter()
    for row, count in zip(rows.tolist(), counts.tolist(), strict=True):
        head, tail = row[: first.shape[1]], row[first.shape[1] :]
        half = len(tail) // 2
        found[tuple((0, token) for token in head), tuple(zip(tail[:half], tail[half:], strict=True))] += count
    return found


def shape_of(tree: Tree) -> Shape:
    depths = tree.depths()
    levels = [[node for node, depth in enumerate(depths) if depth == level] for level in range(1, max(depths) + 1)]
    rank = {ROOT: 0} | {node: place for level in levels for place, node in enumerate(level)}
    return tuple(tuple((rank[tree.parents[node]], tree.tokens[node]) for node in level) for level in levels)


def p_value(counts: Counter, distribution: dict, num: int) -> float:
    """Chi-square of counts against a distribution; rare cells are pooled."""
    assert set(counts) <= set(distribution)
    cells = [cell for cell in distribution if distribution[cell] * num >= 5]
    observed, expected = [counts[cell] for cell in cells], [distribution[cell] * num for cell in cells]
    if num - sum(expected) > 1e-6:
        observed, expected = [*observed, num - sum(observed)], [*expected, num - sum(expected)]
    return float(chisquare(observed, expected).pvalue)


# ---- the distribution of the trees


@pytest.mark.parametrize(("width", "kept"), [(2, 3), (3, 3), (2, 4)])
def test_the_race_has_the_law_of_perturbed_log_probabilities(width, kept):
    """Every tree of two levels, its order included: ours by enumeration, against Gumbels by counting. With `kept` = 3 one
    token of four is impossible."""
    drafter, sampler = StochasticBeam(TinyModel(4, order=1, seed=2), width, 2), Sampler((TopK(kept),))
    distribution: Counter[Shape] = Counter()
    for probability, shape in enumerate_outcomes(lambda draws: shape_of(propose(drafter, draws, sampler))):
        distribution[shape] += probability
    counts = gumbel_beams(*tables(drafter.model, sampler), width, NUM_DRAWS, np.random.default_rng(width))
    assert sum(distribution.values()) == pytest.approx(1, abs=1e-12)
    assert p_value(counts, distribution, NUM_DRAWS) > FALSE_ALARM


def test_another_order_of_the_race_would_be_seen():
    """The power of the test above: the same trees with the last two arrivals exchanged are another distribution."""
    drafter = StochasticBeam(TinyModel(3, order=1, seed=2), 2, 2)
    distribution: Counter[Shape] = Counter()
    for probability, (first, second) in enumerate_outcomes(lambda draws: shape_of(propose(drafter, draws, Sampler()))):
        distribution[first, second[::-1]] += probability
    counts = gumbel_beams(*tables(drafter.model, Sampler()), 2, NUM_DRAWS, np.random.default_rng(0))
    assert not set(counts) <= set(distribution) or p_value(counts, distribution, NUM_DRAWS) < 1e-9


def test_distinct_siblings_come_as_gumbel_top_k():
    """Ordered pairs have probability p(i) p(j) / (1 - p(i)), drawn by the draft model, by a beam of one level and by Gumbels."""
    model = TinyModel(4, order=1, seed=2)
    p, _ = tables(model, Sampler())
    distribution = {(i, j): p[i] * p[j] / (1 - p[i]) for i, j in itertools.permutations(range(4), 2)}
    for drafter in (DraftModel(model, (2,), "without-replacement"), StochasticBeam(model, 2, 1)):
        found: Counter = Counter()
        for probability, pair in enumerate_outcomes(lambda draws, drafter=drafter: tuple(propose(drafter, draws, Sampler()).tokens)):
            found[pair] += probability
        assert found == pytest.approx(distribution, abs=1e-12)
        counts = Counter(tuple(propose(drafter, SampledDraws(seed), Sampler()).tokens) for seed in range(1500))
        assert p_value(counts, distribution, 1500) > FALSE_ALARM
    pairs = best(np.log(p) + np.random.default_rng(0).gumbel(size=(NUM_DRAWS, 4)), 2)
    assert p_value(Counter(map(tuple, pairs.tolist())), distribution, NUM_DRAWS) > FALSE_ALARM


# ---- what verification makes of them


def first_two_tokens(
    trees: Counter[Shape], p: Floats, p2: Floats, q: Floats, q2: Floats, verifier: Verifier, random: np.random.Generator
) -> NDArray[np.int64]:
    """Counts (V, V) of the first two tokens. Each tree that came `n` times is verified once over every outcome of its coins, of
    which n are then drawn."""
    (kind,) = verifier.kinds
    size, total = len(p), np.zeros((len(p), len(p)), np.int64)
    after = [Distribution.of(row, size=size) for row in p2]
    drafts = [Distribution.of(row, size=size) for row in q2]
    root = Distribution.of(q, size=size)
    for (first, second), count in trees.items():
        tree = Tree()
        for _, token in first:
            tree.add(token, kind=kind, q=root)
        for parent, token in second:
            tree.add(token, parent, kind, drafts[first[parent][1]])
        target = {ROOT: Distribution.of(p)} | {node: after[token] for node, (_, token) in enumerate(first)}

        def run(draws: Draws, tree: Tree = tree, target: dict = target) -> tuple[int, int]:
            # The third token does not matter: after a node of the second level the distribution is one token.
            decision = verifier.decide(tree, Target(lambda node: target.get(node, Distribution.point(size, 0))), draws, 0)
            tokens = [*(tree.tokens[node] for node in decision.path), decision.token]
            return tokens[0], tokens[1] if len(tokens) > 1 else after[tokens[0]].draw(draws)

        distribution = np.zeros((size, size))
        for probability, tokens in enumerate_outcomes(run):
            distribution[tokens] += probability
        total += random.multinomial(count, distribution.ravel() / distribution.sum()).reshape(size, size)
    return total


DRAWERS = {
    "RSD-C": lambda q, q2, random: gumbel_branches(q, q2, (2, 2), NUM_DRAWS, random),
    "RSD-S, width 2": lambda q, q2, random: gumbel_beams(q, q2, 2, NUM_DRAWS, random),
    "RSD-S, width 3": lambda q, q2, random: gumbel_beams(q, q2, 3, NUM_DRAWS, random),
}


@pytest.mark.parametrize("name", DRAWERS)
def test_the_first_two_tokens_have_the_law_of_the_target(name):
    """120,000 trees drawn with Gumbels, as the paper has them, and verified by recursive rejection."""
    random = np.random.default_rng(5)
    p, p2 = tables(TinyModel(3, order=1, seed=3), Sampler())
    q, q2 = tables(TinyModel(3, order=1, seed=7), Sampler())
    trees = DRAWERS[name](q, q2, random)
    joint = (p[:, None] * p2).ravel()
    counts = first_two_tokens(trees, p, p2, q, q2, RecursiveRejection(), random).ravel()
    assert counts.sum() == NUM_DRAWS
    assert chisquare(counts, joint * NUM_DRAWS).pvalue > FALSE_ALARM
    for wrong in (MultiRound(), KSeq()):  # the rules for independent draws are seen to be wrong
        counts = first_two_tokens(trees, p, p2, q, q2, wrong, random).ravel()
        assert chisquare(counts, joint * NUM_DRAWS).pvalue < 1e-9


# ---- the drafter


def test_each_level_has_width_different_sequences_with_the_law_they_were_drawn_from():
    model, sampler = TinyModel(9, order=2, seed=4), Sampler((TopK(6),))
    for seed in range(20):
        tree = propose(StochasticBeam(model, 4, 3), SampledDraws(seed), sampler)
        texts = [tuple(tree.tokens[up] for up in tree.path(node)) for node in range(len(tree))]
        assert Counter(tree.depths()) == {1: 4, 2: 4, 3: 4}
        assert len(set(texts)) == len(texts)
        assert set(tree.kinds) == {Kind.WITHOUT_REPLACEMENT}
        for node, parent in enumerate(tree.parents):
            q = tree.q[node]
            assert q is not None
            above = texts[parent] if parent != ROOT else ()
            assert q.dense().tolist() == pytest.approx(distribution_after(model, sampler, above).dense().tolist())
        for children in tree.children().values():  # one sibling group is one draw: the verifier tells groups apart by q
            assert len({id(tree.q[child]) for child in children}) == 1


def test_a_node_without_surviving_children_stays_as_a_leaf():
    depths = [propose(StochasticBeam(TinyModel(6, seed=4), 3, 2), SampledDraws(seed), Sampler()) for seed in range(40)]
    leaves = [node for tree in depths for node in range(3) if node not in tree.parents]
    assert leaves


def test_fewer_sequences_than_the_width_are_all_drawn_and_none_twice():
    tree = propose(StochasticBeam(TinyModel(3, order=1, seed=2), 20, 3), SampledDraws(0), Sampler((TopK(2),)))
    assert Counter(tree.depths()) == {1: 2, 2: 4, 3: 8}
    assert len({tuple(tree.tokens[up] for up in tree.path(node)) for node in range(len(tree))}) == 14


def test_greedy_beams_are_chains():
    tree = propose(StochasticBeam(TinyModel(5, seed=4), 3, 4), SampledDraws(0), GREEDY)
    assert tree.parents == [-1, 0, 1, 2]


def test_a_wide_and_deep_beam_of_a_sharp_draft_survives_tiny_probabilities():
    tree = propose(StochasticBeam(TinyModel(4, order=2, seed=4, sharpness=150.0), 12, 14), SampledDraws(1), Sampler(), num_nodes=999)
    assert max(tree.depths()) == 14
    texts = {tuple(tree.tokens[up] for up in tree.path(node)) for node in range(len(tree))}
    assert len(texts) == len(tree)


def test_limits_are_a_stop_in_drawing_order():
    """So that whether a node is there never depends on its token."""
    drafter = StochasticBeam(TinyModel(6, seed=4), 3, 3)
    whole = propose(drafter, SampledDraws(3), Sampler())
    for num_nodes, depth in ((1, 9), (4, 9), (5, 9), (9, 2), (7, 3)):
        cut = propose(drafter, SampledDraws(3), Sampler(), num_nodes, depth)
        expected = whole.clip(80, depth).clip(num_nodes, 80)
        assert (cut.tokens, cut.parents) == (expected.tokens, expected.parents)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("p", [0.7, 0.9])
def test_pruning_by_the_pace_does_not_look_at_the_tokens_drawn(seed, p):
    """On this curve one node does not pay, and three do; and where few tokens are likely there are few siblings."""
    curve = CostCurve((1, 2, 3, 4, 5), (1.0, 1.6, 1.8, 1.8, 3.0))
    case = dataclasses.replace(LawCase.small(), curve=curve, draft_curve=CostCurve.flat(0.0))
    drafter = StochasticBeam(TinyModel(3, order=1, seed=seed), 2, 2)
    check_law(Recipe(drafter, pace=NeverSlower()), Sampler((TopP(p),)), case)


def test_a_law_that_could_not_have_drawn_the_sibling_is_named():
    tree = Tree()
    for token in (0, 0):  # twice the same, though drawn without replacement
        tree.add(token, kind=Kind.WITHOUT_REPLACEMENT, q=Distribution.of(np.array([0.9, 0.1])))
    tree.q[1] = tree.q[0]
    with pytest.raises(KindMismatchError, match="the drafter's kind or q is wrong"):
        RecursiveRejection().decide(tree, Target(lambda node: Distribution.point(2, 1)), SampledDraws(0), 0)
