"""Each rule at a single node and over two levels, by enumeration: output distribution, acceptance, and what breaks it."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from foretell.decoding.distribution import Distribution
from foretell.decoding.draws import Draws, enumerate_outcomes
from foretell.decoding.tree import ROOT, Kind, Tree
from foretell.decoding.verifier import KindMismatchError, Target, Verifier
from foretell.decoding.verifiers.exact import Exact
from foretell.decoding.verifiers.fixed_candidates import FixedCandidates
from foretell.decoding.verifiers.k_seq import KSeq
from foretell.decoding.verifiers.multi_round import MultiRound
from foretell.decoding.verifiers.recursive_rejection import RecursiveRejection

PROBLEMS = 200
RULES = [
    (MultiRound(), Kind.SAMPLED), (KSeq(), Kind.SAMPLED), (RecursiveRejection(), Kind.WITHOUT_REPLACEMENT), (FixedCandidates(), Kind.FIXED)
]  # fmt: skip


def random_distributions(seed: int, size: int) -> tuple[Distribution, Distribution]:
    """p and q over `size` tokens, some of them impossible in one of the two."""
    random = np.random.default_rng(seed)
    p, q = random.dirichlet(np.full(size, 0.7)), random.dirichlet(np.full(size, 0.7))
    if seed % 3 == 0:
        p[random.integers(size)] = 0
    if seed % 3 == 1:
        q[random.integers(size)] = 0
    return Distribution.of(p), Distribution.of(q)


def add_siblings(tree: Tree, q: Distribution, num: int, kind: Kind, draws: Draws, parent: int = ROOT) -> None:
    """`num` children of `parent`, drawn as the kind says; fixed ones are the most probable."""
    left = q
    for _ in range(num):
        if kind is Kind.FIXED:
            tree.add(int(left.ids[left.probs.argmax()]), parent)
        else:
            tree.add(left.draw(draws), parent, kind, q)
        if kind is not Kind.SAMPLED:
            if len(left.ids) == 1:
                return
            left = left.without(tree.tokens[-1])


def single_node(p: Distribution, q: Distribution, num: int, drawn: Kind, said: Kind, verifier: Verifier) -> tuple[np.ndarray, float]:
    """Law of the next token, and the chance that a sibling is accepted."""
    distribution, accepted = np.zeros(p.size), 0.0

    def run(draws: Draws) -> tuple[int, bool]:
        tree = Tree()
        add_siblings(tree, q, num, drawn, draws)
        tree.kinds = [said] * len(tree)
        tree.q = [q if said is not Kind.FIXED else None] * len(tree)
        decision = verifier.decide(tree, Target(lambda node: p), draws, 0)
        return (tree.tokens[decision.path[0]] if decision.path else decision.token), bool(decision.path)

    for probability, (token, hit) in enumerate_outcomes(run):
        distribution[token] += probability
        accepted += probability * hit
    return distribution, accepted


@pytest.mark.parametrize(("verifier", "kind"), [*RULES, *((Exact(), kind) for kind in Kind)], ids=str)
def test_the_law_at_one_node_is_the_target(verifier, kind):
    for seed in range(PROBLEMS):
        p, q = random_distributions(seed, size=2 + seed % 3)
        distribution, _ = single_node(p, q, 1 + seed % 3, kind, kind, verifier)
        assert np.abs(distribution - p.dense()).max() < 1e-12, f"seed {seed}"


@pytest.mark.parametrize(("verifier", "kind"), RULES, ids=str)
def test_a_rule_of_another_kind_is_wrong_somewhere(verifier, kind):
    """The point of draw kinds. Fixed candidates' rule is the exception that is right for all: it draws for itself."""
    for drawn in set(Kind) - {kind}:
        errors = []
        for seed in range(40):
            p, q = random_distributions(3 * seed + 2, size=3)
            try:
                distribution, _ = single_node(p, q, 2, drawn, kind, verifier)
                errors.append(np.abs(distribution - p.dense()).max())
            except KindMismatchError as error:  # a token came twice, though it was said to be removed
                assert "the drafter's kind or q is wrong" in str(error)  # noqa: PT017
                errors.append(1.0)
        assert (max(errors) > 1e-3) == (kind is not Kind.FIXED)


@pytest.mark.parametrize(("verifier", "kind"), RULES, ids=str)
def test_other_kinds_are_refused(verifier, kind):
    for other in set(Kind) - {kind}:
        tree = Tree()
        tree.add(0, kind=other, q=None if other is Kind.FIXED else Distribution.of(np.ones(2)))
        with pytest.raises(KindMismatchError, match=f"{other.value} drafts.*use the verifier 'exact'"):
            verifier.decide(tree, Target(lambda node: Distribution.of(np.ones(2))), None, 0)


def test_one_sibling_is_accepted_as_often_as_the_laws_overlap():
    for seed in range(PROBLEMS):
        p, q = random_distributions(seed, size=4)
        _, accepted = single_node(p, q, 1, Kind.SAMPLED, Kind.SAMPLED, MultiRound())
        assert accepted == pytest.approx(1 - np.abs(p.dense() - q.dense()).sum() / 2, abs=1e-12)


def test_the_whole_vocabulary_without_replacement_is_always_accepted():
    for seed in range(60):
        p, q = random_distributions(3 * seed + 2, size=3)  # of full support
        _, accepted = single_node(p, q, 3, Kind.WITHOUT_REPLACEMENT, Kind.WITHOUT_REPLACEMENT, RecursiveRejection())
        assert accepted == pytest.approx(1, abs=1e-9)


def test_more_siblings_are_accepted_more_often_and_best_without_replacement():
    for seed in range(20):
        p, q = random_distributions(3 * seed + 2, size=4)
        rates = {kind: [single_node(p, q, num, kind, kind, verifier)[1] for num in (1, 2, 3)] for verifier, kind in RULES[::2]}
        assert all(a <= b + 1e-12 for rising in rates.values() for a, b in itertools.pairwise(rising))
        assert rates[Kind.WITHOUT_REPLACEMENT][2] >= rates[Kind.SAMPLED][2] - 1e-12


@pytest.mark.parametrize("kinds", [(Kind.SAMPLED, Kind.FIXED), (Kind.FIXED, Kind.WITHOUT_REPLACEMENT), (Kind.SAMPLED,) * 2], ids=str)
def test_groups_of_several_kinds_under_one_node(kinds):
    """Fixed candidates may stand before the sampled ones; two groups of one kind have each their own q."""
    for seed in range(60):
        p, q = random_distributions(seed, size=3)
        _, other = random_distributions(seed + 1000, size=3)

        def run(draws: Draws, p=p, q=q, other=other) -> int:
            tree = Tree()
            for kind, distribution in zip(kinds, (q, other), strict=True):
                add_siblings(tree, distribution, 2, kind, draws)
            decision = Exact().decide(tree, Target(lambda node: p), draws, 0)
            return tree.tokens[decision.path[0]] if decision.path else decision.token

        distribution = np.zeros(3)
        for probability, token in enumerate_outcomes(run):
            distribution[token] += probability
        assert np.abs(distribution - p.dense()).max() < 1e-12, f"seed {seed}"


def two_level_distribution(
    verifier: Verifier, kind: Kind, branching: tuple[int, int], p: Callable[[tuple], Distribution], q: Callable[[tuple], Distribution]
) -> Counter:
    """Joint distribution of the next two tokens after drafting a tree of two levels; p and q by the tokens before."""

    def run(draws: Draws) -> tuple[int, int]:
        tree = Tree()
        add_siblings(tree, q(()), branching[0], kind, draws)
        for node in range(len(tree)):
            add_siblings(tree, q((tree.tokens[node],)), branching[1], kind, draws, node)
        said = lambda node: tuple(tree.tokens[up] for up in tree.path(node))  # noqa: E731
        decision = verifier.decide(tree, Target(lambda node: p(said(node))), draws, 0)
        tokens = [*(tree.tokens[node] for node in decision.path), decision.token]
        return (tokens[0], tokens[1] if len(tokens) > 1 else p((tokens[0],)).draw(draws))

    distribution: Counter = Counter()
    for probability, tokens in enumerate_outcomes(run):
        distribution[tokens] += probability
    return distribution


@pytest.mark.parametrize("branching", [(2, 2), (3, 1), (1, 2)], ids=str)
@pytest.mark.parametrize(("verifier", "kind"), RULES[:3], ids=str)
def test_the_joint_law_of_two_levels_is_the_target(verifier, kind, branching):
    """RSD-C and SpecInfer trees, exactly and not by sampling."""
    if kind is Kind.SAMPLED and branching == (2, 2):
        branching = (2, 1)  # independent draws have too many outcomes to enumerate in a test
    for seed in range(3):
        distributions = {context: random_distributions(17 * seed + 3 * i + 2, size=3) for i, context in enumerate([(), (0,), (1,), (2,)])}
        distribution = two_level_distribution(
            verifier,
            kind,
            branching,
            lambda text, distributions=distributions: distributions[text[:1]][0],
            lambda text, distributions=distributions: distributions[text][1],
        )
        for a in range(3):
            for b in range(3):
                assert distribution[a, b] == pytest.approx(distributions[()][0][a] * distributions[a,][0][b], abs=1e-12)
