"""K-SEQ: what rho is, and how often it accepts, against the paper's own statements. Its distribution is in test_verifiers.py."""

from __future__ import annotations

import math

import numpy as np
import pytest

from foretell.decoding.distribution import Distribution
from foretell.decoding.draws import Draws, SampledDraws, enumerate_outcomes
from foretell.decoding.tree import Kind, Tree
from foretell.decoding.verifier import KindMismatchError, Target
from foretell.decoding.verifiers import k_seq
from foretell.decoding.verifiers.exact import Exact
from foretell.decoding.verifiers.k_seq import KSeq
from foretell.decoding.verifiers.multi_round import MultiRound


def distributions(seed: int, size: int = 4) -> tuple[Distribution, Distribution]:
    p, q = np.random.default_rng(seed).dirichlet(np.full(size, 0.7), 2)
    return Distribution.of(p), Distribution.of(q)


def siblings(q: Distribution, num: int, draws: Draws, tree: Tree | None = None) -> Tree:
    tree = tree or Tree()
    for _ in range(num):
        tree.add(q.draw(draws), kind=Kind.SAMPLED, q=q)
    return tree


def acceptance(p: Distribution, q: Distribution, num: int, rule=None) -> float:
    def run(draws: Draws) -> bool:
        return bool((rule or KSeq()).decide(siblings(q, num, draws), Target(lambda node: p), draws, 0).path)

    return sum(probability for probability, hit in enumerate_outcomes(run) if hit)


@pytest.mark.parametrize("num", [2, 3, 6])
def test_rho_solves_the_papers_equation(num, monkeypatch):
    """1 - (1 - beta)^K = rho beta, with beta = sum of min(q, p / rho); and from above, where the rule stays exact."""
    for halvings, tolerance in ((50, 1e-9), (k_seq._HALVINGS, 2e-3)):
        monkeypatch.setattr(k_seq, "_HALVINGS", halvings)
        for seed in range(50):
            p, q = distributions(seed)
            rho, times = k_seq._rho(p.probs, q.probs, num)
            beta = np.minimum(q.probs, p.probs / rho).sum()
            assert 1 <= rho <= num
            assert times == pytest.approx((1 - (1 - beta) ** num) / beta)
            assert 0 <= rho * beta - (1 - (1 - beta) ** num) + 1e-12 < tolerance


def test_one_sibling_is_the_chain_rule():
    for seed in range(50):
        p, q = distributions(seed)
        assert k_seq._rho(p.probs, q.probs, 1) == (1.0, 1.0)
        assert acceptance(p, q, 1) == pytest.approx(acceptance(p, q, 1, MultiRound()), abs=1e-12)


@pytest.mark.parametrize("num", [2, 3])
def test_acceptance_is_as_the_paper_promises(num):
    """1 - (1 - beta)^K exactly; never less than with one sibling; at least 1 - (1 - 1/K)^K of what any rule could reach, which
    is at most the sum of min(p, 1 - (1 - q)^K)."""
    for seed in range(12):
        p, q = distributions(seed)
        accepted = acceptance(p, q, num)
        rho, _ = k_seq._rho(p.probs, q.probs, num)
        assert accepted == pytest.approx(1 - (1 - np.minimum(q.probs, p.probs / rho).sum()) ** num, abs=1e-12)
        assert accepted >= acceptance(p, q, 1) - 1e-3
        reachable = np.minimum(p.probs, 1 - (1 - q.probs) ** num).sum()
        assert (1 - (1 - 1 / num) ** num) * reachable - 1e-3 <= accepted <= reachable + 1e-12


def test_equal_laws_are_always_accepted():
    for seed in range(10):
        p, _ = distributions(seed)
        assert acceptance(p, p, 3) == pytest.approx(1, abs=1e-9)


def test_laws_without_a_common_token_are_never_accepted():
    p, q = Distribution.of(np.array([0.5, 0.5, 0, 0])), Distribution.of(np.array([0, 0, 0.5, 0.5]))
    assert acceptance(p, q, 3) == 0


def test_two_groups_hand_on_what_is_left():
    """As a union of two drafters brings them: each group has a q of its own."""
    for seed in range(10):
        p, q = distributions(seed, 3)
        _, other = distributions(seed + 1000, 3)

        def run(draws: Draws, p=p, q=q, other=other) -> int:
            tree = siblings(other, 2, draws, siblings(q, 2, draws))
            decision = KSeq().decide(tree, Target(lambda node: p), draws, 0)
            return tree.tokens[decision.path[0]] if decision.path else decision.token

        distribution = np.zeros(3)
        for probability, token in enumerate_outcomes(run):
            distribution[token] += probability
        assert np.abs(distribution - p.dense()).max() < 1e-12


def test_what_q_cannot_have_drawn_is_refused():
    tree = Tree()
    tree.add(0, kind=Kind.SAMPLED, q=Distribution.point(3, 1))
    with pytest.raises(KindMismatchError, match="token 0 has probability 0"):
        KSeq().decide(tree, Target(lambda node: Distribution.point(3, 0)), SampledDraws(0), 0)


def test_a_large_vocabulary_and_many_siblings():
    random = np.random.default_rng(0)
    p, q = (Distribution.of(random.dirichlet(np.full(20_000, 0.05))) for _ in range(2))
    tree = siblings(q, 12, SampledDraws(0))
    for seed in range(5):
        token = KSeq().decide(tree, Target(lambda node: p), SampledDraws(seed), 0).token
        assert p[token] > 0
    assert math.isfinite(k_seq._rho(p.probs, q.at(p.ids), 12)[0])
    assert Exact().decide(tree, Target(lambda node: p), SampledDraws(0), 0).token >= 0
