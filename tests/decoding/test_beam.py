"""Beams: the most probable sequences, against a search by brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from foretell.decoding.drafter import Ask
from foretell.decoding.drafters.beam import Beam
from foretell.decoding.draws import SampledDraws
from foretell.decoding.request import Request
from foretell.decoding.sampler import Sampler
from foretell.decoding.samplers.top_k import TopK
from foretell.decoding.tree import Kind, Tree
from foretell.models.base import Feed
from foretell.models.tiny import TinyModel
from tests.decoding.helpers import GREEDY, greedy_text, run


def propose(drafter: Beam, sampler: Sampler, num_nodes: int = 80, depth: int = 80) -> Tree:
    state = drafter.begin(drafter.remember(drafter.model), [0])  # type: ignore[arg-type]
    return drafter.propose([Ask([0], 1, state, num_nodes, depth, sampler, SampledDraws(0))])[0]


def probability(model: TinyModel, sampler: Sampler, text: tuple[int, ...]) -> float:
    rows = model.forward([Feed(model.new_cache(), [0, *text])])[0].logits
    return float(np.prod([sampler.distribution(row, [0, *text[:n]], 1)[text[n]] for n, row in enumerate(rows[:-1])]))


@pytest.mark.parametrize("sampler", [Sampler(), Sampler((TopK(3),))], ids=["softmax", "top-k"])
def test_each_level_holds_the_best_below_the_level_before(sampler):
    for seed in range(5):
        model = TinyModel(5, seed=seed)
        tree = propose(Beam(model, 3, 3), sampler)
        texts = [tuple(tree.tokens[up] for up in tree.path(node)) for node in range(len(tree))]
        above: list[tuple[int, ...]] = [()]
        for level in range(1, 4):
            candidates = [(*text, token) for text in above for token in range(5)]
            above = sorted(candidates, key=lambda text: -probability(model, sampler, text))[:3]
            assert [text for text in texts if len(text) == level] == above


def test_a_beam_as_wide_as_all_sequences_holds_the_most_probable_one():
    model = TinyModel(3, order=2, seed=1)
    tree = propose(Beam(model, 27, 3), Sampler())
    best = max(itertools.product(range(3), repeat=3), key=lambda text: probability(model, Sampler(), text))
    assert tuple(tree.tokens[up] for up in tree.path(tree.depths().index(3))) == best
    assert len(tree) == 3 + 9 + 27


def test_nodes_are_fixed_and_greedy_beams_as_wide_as_any():
    drafter = Beam(TinyModel(5, seed=2), 3, 2)
    tree = propose(drafter, GREEDY)
    assert tree == propose(drafter, Sampler())
    assert (set(tree.kinds), len(tree)) == ({Kind.FIXED}, 6)
    assert not drafter.traits.samples


def test_limits_cut_the_least_probable_of_the_last_level_first():
    drafter = Beam(TinyModel(5, seed=2), 3, 2)
    whole = propose(drafter, Sampler())
    assert propose(drafter, Sampler(), num_nodes=4) == whole.clip(4, 80)
    assert propose(drafter, Sampler(), depth=1) == whole.clip(80, 1)


def test_greedy_text_is_plain_text_and_a_wider_beam_needs_fewer_steps():
    target, steps = TinyModel(12, seed=1), []
    for width in (1, 4):
        request = Request([1, 2], 60, GREEDY, SampledDraws(0))
        run(target, Beam(TinyModel(12, seed=1, sharpness=0.7), width, 3), [request])  # the target's own order of tokens
        assert request.generated == greedy_text(target, [1, 2], 60)
        steps.append(len(request.trace.decode_steps))
    assert steps[0] >= steps[1]
