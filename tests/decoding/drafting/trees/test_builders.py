"""Trees from tables against enumeration of all paths, and the distributions of what is drawn."""

from __future__ import annotations

import importlib
import itertools
import math
import pkgutil
from collections import Counter

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

from foretell.decoding.drafter import Ask
from foretell.decoding.drafting import trees
from foretell.decoding.drafting.successors.table import SuccessorTable
from foretell.decoding.drafting.templates import TOKEN_RECYCLING_80
from foretell.decoding.drafting.trees.best_first import best_first
from foretell.decoding.drafting.trees.gumbel import distribution_after, gumbel_tree
from foretell.decoding.drafting.trees.paths import Paths, fixed_tree
from foretell.decoding.drafting.trees.puct import TreeSearch
from foretell.decoding.drafting.trees.template_fill import fill_template, shape_of
from foretell.decoding.draws import enumerate_outcomes
from foretell.decoding.sampler import Sampler
from foretell.decoding.sampling_options import make_sampler
from foretell.decoding.tree import ROOT, Kind

VOCAB = 10


def random_table(seed: int = 0, orders: tuple[int, ...] = (2, 1), width: int = 4, spread: float = 0.3) -> SuccessorTable:
    """Half the pairs are known, all single tokens are."""
    random, table = np.random.default_rng(seed), SuccessorTable(VOCAB, orders, width, "mean")
    for pair in itertools.product(range(VOCAB), repeat=2):
        if random.random() < 0.5 or pair[0] == 0:
            probs = random.dirichlet(np.full(VOCAB, spread))
            best = np.argsort(-probs)[:width]
            table.learn_rows([pair], [best], [probs[best]])
    return table


def all_paths(table: SuccessorTable, text: list[int], depth: int) -> dict[tuple[int, ...], float]:
    """Product of shares of every path, by asking the table one context after the other."""
    found: dict[tuple[int, ...], float] = {}

    def follow(path: tuple[int, ...], mass: float) -> None:
        if len(path) == depth:
            return
        for token, weight in zip(*table.successors([*text, *path]), strict=True):
            found[*path, token] = mass * weight
            follow((*path, token), mass * weight)

    follow((), 1.0)
    return found


def spelled(paths: Paths) -> list[tuple[int, ...]]:
    """Each node's tokens from the root."""
    words: list[tuple[int, ...]] = []
    for token, parent in zip(paths.tokens, paths.parents, strict=True):
        assert -1 <= parent < len(words)
        words.append((*(words[parent] if parent >= 0 else ()), token))
    assert len(set(words)) == len(words)
    return words


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("num", [1, 5, 24])
def test_best_first_finds_the_best_paths(seed, num):
    table = random_table(seed)
    every = all_paths(table, [3, 4], 3)
    paths = best_first(table, [3, 4], num, 3)
    assert paths.reach == pytest.approx(sorted(every.values(), reverse=True)[:num])
    assert [every[path] for path in spelled(paths)] == pytest.approx(paths.reach)


@pytest.mark.parametrize("reward", ["path", "official"])
def test_the_search_covers_nine_tenths_of_the_best_24_paths_mass(reward):
    random = np.random.default_rng(1)
    source = random.dirichlet(np.full(20, 0.1), (20, 20))
    table = SuccessorTable(20, (2,), 12, "mean")
    best = np.argsort(-source, -1)[..., :12]
    for a, b in itertools.product(range(20), repeat=2):
        table.learn_rows([[a, b]], [best[a, b]], [source[a, b, best[a, b]]])
    shares = []
    for a, b in random.integers(0, 20, (20, 2)).tolist():
        every = all_paths(table, [a, b], 3)
        found = TreeSearch(reward=reward).search(table, [a, b], 24, 3)
        assert [every[path] for path in spelled(found)] == pytest.approx(found.reach)
        shares.append(sum(found.reach) / sum(sorted(every.values(), reverse=True)[:24]))
    assert np.mean(shares) >= 0.9
    assert min(shares) >= 0.8


def test_the_search_repeats_itself_lengthens_paths_and_keeps_its_limits():
    table = random_table(2)
    search = TreeSearch(length=2, top=3)
    paths = search.search(table, [0, 4], 64, 8)
    assert paths == search.search(table.copy(), [0, 4], 64, 8)
    words = spelled(paths)
    assert 3 < len(words) <= 6  # the best three, and a greedy successor for each
    assert max(map(len, words)) <= 3
    for num, depth in ((1, 8), (2, 1), (0, 3), (5, 0)):
        cut = search.search(table, [0, 4], num, depth)
        assert len(cut.tokens) <= num
        assert all(len(word) <= depth for word in spelled(cut))
    assert search.search(SuccessorTable(VOCAB, (2,), rule="count"), [1], 8, 8).tokens == []


@pytest.mark.parametrize(
    ("options", "message"),
    [({"iterations": 0}, "iterations=0"), ({"top": 0}, "top=0"), ({"c2": 0.0}, "c2=0.0"), ({"reward": "none"}, "path, official")],
)
def test_wrong_settings_of_the_search_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        TreeSearch(**options)


def test_a_template_is_filled_as_its_ranks_say():
    table = random_table(3)
    paths = fill_template(table, [5, 6], shape_of(TOKEN_RECYCLING_80), 80, 4)
    words, expected, ranks = spelled(paths), [], {(): ()}
    for path in TOKEN_RECYCLING_80:
        if path[:-1] in ranks and len(path) <= 4:
            tokens, _ = table.successors([5, 6, *ranks[path[:-1]]])
            if path[-1] < len(tokens):
                ranks[path] = (*ranks[path[:-1]], tokens[path[-1]])
                expected.append(ranks[path])
    assert words == expected
    assert len(fill_template(table, [5, 6], shape_of(TOKEN_RECYCLING_80), 7, 4).tokens) == 7


def test_fixed_trees_are_graded_by_the_share_of_their_row():
    tree = fixed_tree(Paths([1, 2, 3], [-1, 0, -1], [0.5, 0.25, 0.001], [1, 1, 1]), "x")
    assert tree.grades == [1, 1, 6]


class Fixed:
    """An ask whose draws are given."""

    @staticmethod
    def ask(text, draws, sampler=None, num_nodes=8, depth=8) -> Ask:
        return Ask(list(text), 1, None, num_nodes, depth, sampler or Sampler(), draws)


def test_siblings_are_drawn_without_replacement_from_the_q_they_carry():
    """Every outcome of the draws: the distribution of ordered siblings is q's, renormalised after each draw."""
    table = random_table(4, width=3)
    sampler = make_sampler(temperature=0.7, top_p=0.95)
    distribution: Counter = Counter()
    for probability, tree in enumerate_outcomes(
        lambda draws: gumbel_tree(table, Fixed.ask([0, 4], draws, sampler), ((0,), (1,), (0, 0)), "stand")
    ):
        distribution[tuple(token for token, parent in zip(tree.tokens, tree.parents, strict=True) if parent == ROOT)] += probability
        assert set(tree.kinds) == {Kind.WITHOUT_REPLACEMENT}
        root = [node for node, parent in enumerate(tree.parents) if parent == ROOT]
        assert len({id(tree.q[node]) for node in root}) == 1
        assert len({tree.grades[node] for node in root}) == 1
    q = distribution_after(table, [0, 4], [], sampler, 1)[0].dense()
    tokens, probs = table.successors([0, 4])
    warped = np.array(probs) ** (1 / 0.7) / (np.array(probs) ** (1 / 0.7)).sum()
    kept = [i for i in range(len(tokens)) if warped[:i].sum() < 0.95]
    assert q[[tokens[i] for i in kept]] == pytest.approx(warped[kept] / warped[kept].sum(), abs=1e-6)
    for (first, *second), probability in distribution.items():
        expected = q[first] * (q[second[0]] / (1 - q[first]) if second else 1.0)
        assert probability == pytest.approx(expected, abs=1e-12)
    assert sum(distribution.values()) == pytest.approx(1)


def test_fewer_tokens_than_asked_for_are_counted():
    table = SuccessorTable(VOCAB, (1,), 4, "mean")
    table.learn_rows([[1]], [[2, 3]], [[0.6, 0.4]])
    for _, tree in enumerate_outcomes(lambda draws: gumbel_tree(table, Fixed.ask([1], draws), ((0,), (1,), (2,)), "stand")):
        assert sorted(tree.tokens) == [2, 3]
    assert table.statistics["short"] == 2


def test_samplers_that_forbid_all_that_is_known_draft_nothing():
    table = SuccessorTable(VOCAB, (1,), 4, "mean")
    table.learn_rows([[1]], [[2, 3]], [[0.6, 0.4]])
    some = make_sampler(temperature=1.0, logit_bias={2: -math.inf})
    assert distribution_after(table, [1], [], some, 1)[0].dense()[3] == 1.0
    none = make_sampler(temperature=1.0, logit_bias={2: -math.inf, 3: -math.inf})
    assert distribution_after(table, [1], [], none, 1) is None
    assert distribution_after(table, [9], [], some, 1) is None


def test_compiled_functions_are_found_again_by_the_next_process():
    """Numba's key of a stored function holds its closure, and a compiled function there is another one in every process."""
    modules = [importlib.import_module(f"{trees.__name__}.{info.name}") for info in pkgutil.iter_modules(trees.__path__)]
    compiled = [each for module in modules for each in vars(module).values() if isinstance(each, Dispatcher)]
    closures = [cell.cell_contents for each in compiled for cell in each.py_func.__closure__ or ()]
    assert sum(isinstance(each, int) for each in closures) >= 3  # the key of the functions that they call
    assert not any(isinstance(each, Dispatcher) for each in closures)
