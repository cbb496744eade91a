"""Token Recycling: the published template, what the table learns, and what a filled table is worth."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
import torch

from foretell.decoding.drafter import Seen
from foretell.decoding.drafters.token_recycling import TokenRecycling
from foretell.decoding.drafting.templates import TOKEN_RECYCLING_80, as_template
from foretell.decoding.draws import SampledDraws
from foretell.decoding.request import Request
from foretell.decoding.sampling_options import make_sampler
from foretell.decoding.tree import Tree, is_prefix_closed
from foretell.models.base import Cache, Model, Rows
from foretell.models.tiny import TinyModel
from tests.decoding.helpers import GREEDY, ask, run

#: The paper's tree, as its figure gives it: children of each prefix, "0-7" being ranks 0 to 7.
PUBLISHED = {
    "": "0-7", "0": "0-7", "1": "0-3", "2": "0-2", "3": "0-1", "4": "0", "5": "0", "6": "0", "7": "0",
    "00": "0-7", "01": "0-2", "02": "0-1", "03": "0", "04": "0", "05": "0", "06": "0", "07": "0", "10": "0-1", "11": "0",
    "20": "0", "30": "0", "40": "0", "50": "0",
    "000": "0-4", "001": "0-1", "002": "0", "003": "0", "004": "0", "010": "0", "020": "0", "100": "0", "200": "0", "300": "0",
    "0000": "0-2", "0001": "0", "0002": "0", "0010": "0", "0100": "0", "1000": "0", "00000": "0-1", "00010": "0",
}  # fmt: skip


def test_the_template_is_the_published_one():
    expected = {
        (*map(int, prefix), rank)
        for prefix, ranks in PUBLISHED.items()
        for rank in range(int(ranks.split("-")[0]), int(ranks.split("-")[-1]) + 1)
    }
    assert set(TOKEN_RECYCLING_80) == expected
    assert len(TOKEN_RECYCLING_80) == 80
    assert Counter(map(len, TOKEN_RECYCLING_80)) == {1: 8, 2: 21, 3: 25, 4: 15, 5: 8, 6: 3}


@pytest.mark.parametrize("num", [1, 4, 8, 16, 32, 80])
def test_every_first_part_of_the_template_is_a_template(num):
    assert is_prefix_closed(as_template(TOKEN_RECYCLING_80[:num]))


class Cycle(Model):
    """A deterministic source: token t is followed by t + 1, and t + 2, t + 3, ... are the next best."""

    num_layers, width, max_length, tolerance, fingerprint = 1, 1, 4096, 0.0, "cycle"

    def __init__(self, vocab_size: int) -> None:
        self.vocab_size = vocab_size

    def _new_cache(self, context) -> Cache:
        return TinyModel(self.vocab_size).new_cache()

    def _forward(self, feeds, hidden, start, stop) -> list[Rows]:
        results = []
        for feed in feeds:
            feed.cache.pending_tokens += feed.tokens
            wanted = len(feed) if feed.num_logits is None else feed.num_logits
            tokens = torch.tensor(feed.tokens[len(feed) - wanted :], dtype=torch.long)
            results.append(Rows(-((torch.arange(self.vocab_size) - tokens[:, None] - 1) % self.vocab_size).float()))
        return results


def test_on_a_cycle_every_step_accepts_the_whole_depth():
    model = Cycle(20)
    request = Request(list(range(20)), 70, GREEDY, SampledDraws(0))
    run(model, TokenRecycling(learn_prompt=True), [request])
    assert request.generated == [n % 20 for n in range(70)]
    steps = request.trace.decode_steps  # the first one comes with the prompt, whose rows fill the table
    assert [len(step.accepted) for step in steps[1:-1]] == [6] * (len(steps) - 2)
    assert len(steps[0].drafted) == 0


def observed(fed, guesses, tree=None, path=(), k=2, vocab=10) -> np.ndarray:
    """The table after one step in which row i's best tokens were guesses[i]."""
    drafter = TokenRecycling(k=k, template=((0,),))
    table = drafter.remember(TinyModel(vocab))
    logits = torch.zeros(len(guesses), vocab)
    for row, best in enumerate(guesses):
        for rank, token in enumerate(best):
            logits[row, token] = 10 - rank
    drafter.observe_request(table, Seen(fed, logits, tree or Tree(), list(path), []))
    return table


def test_every_fed_row_is_learnt_rejected_ones_too():
    table = observed([1, 2, 3], [(4, 5), (5, 6), (6, 7)], Tree.chain([2, 3]), path=[0])
    assert table[[1, 2, 3]].tolist() == [[4, 5], [5, 6], [6, 7]]
    assert (table[[0, *range(4, 10)]] == -1).all()


def test_of_a_token_fed_twice_the_accepted_row_wins_then_the_text_then_the_last():
    twice = Tree()
    for token in (5, 5, 5):
        twice.add(token)
    guesses = [(1, 2), (3, 4), (6, 7), (8, 9)]
    assert observed([0, 5, 5, 5], guesses, twice, path=[1])[5].tolist() == [6, 7]  # accepted
    assert observed([0, 5, 5, 5], guesses, twice, path=[])[5].tolist() == [8, 9]  # last in breadth-first order
    assert observed([5, 5, 5, 5], guesses, twice, path=[])[5].tolist() == [1, 2]  # the text's own row


def test_without_prompt_rows_only_the_last_rows_are_there():
    table = observed([7, 8, 9, 1], [(2, 3), (4, 5)], Tree.chain([1]))
    assert table[[9, 1]].tolist() == [[2, 3], [4, 5]]
    assert (table[[7, 8]] == -1).all()


def test_empty_rows_propose_nothing_and_prune_what_hangs_on_them():
    drafter = TokenRecycling(k=2, template=((0,), (1,), (0, 0), (1, 0)))
    table = drafter.remember(TinyModel(10))
    assert len(drafter.propose([ask([3], table)])[0]) == 0
    table[3] = [4, 5]
    table[5] = [6, 7]
    tree = drafter.propose([ask([3], table)])[0]
    assert (tree.tokens, tree.parents) == ([4, 5, 6], [-1, -1, 1])


def test_a_template_deeper_than_the_remaining_context_is_cut():
    model = TinyModel(vocab_size=8, order=1, max_length=24)
    request = Request([0, 1, 2, 3], 100, GREEDY, SampledDraws(0))
    run(model, TokenRecycling(), [request])
    assert request.finish_reason == "context"
    assert len(request.tokens) == 24


def test_the_table_is_as_wide_as_the_logits_and_small():
    table = TokenRecycling().remember(Cycle(49_152))
    assert table.shape == (49_152, 8)
    assert table.nbytes < 2e6


def test_a_vocabulary_smaller_than_k_is_fine():
    requests = run(TinyModel(3), TokenRecycling(), [Request([0, 1], 30, GREEDY, SampledDraws(0))])
    assert requests[0].trace.tokens_per_step > 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 7}, "k=7 must be at least 8"),
        ({"template": ()}, "at least one path"),
        ({"template": ((0,), (1, 0))}, r"path \(1, 0\) lacks its parent"),
        ({"template": ((0,), (0,))}, "twice"),
        ({"template": ((0, 0), (0,))}, "before its parent"),
        ({"template": ((-1,),)}, "0 or above"),
    ],
)
def test_wrong_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        TokenRecycling(**options)


def test_tokens_per_step_rise_with_the_template():
    """Sampled text, which does not repeat itself as greedy text of a random source does."""
    model = TinyModel(vocab_size=64, order=1, seed=2, sharpness=2.0)
    texts = [[seed, (7 * seed + 3) % 64, (5 * seed + 11) % 64] for seed in range(6)]
    worth = []
    for num in (1, 4, 8, 16, 32, 80):
        requests = run(model, TokenRecycling(template=TOKEN_RECYCLING_80[:num]), [
            Request(text, 60, make_sampler(temperature=1.0, top_k=8), SampledDraws(seed)) for seed, text in enumerate(texts)
        ])  # fmt: skip
        worth.append(sum(request.trace.num_tokens for request in requests) / sum(len(r.trace.decode_steps) for r in requests))
    assert all(a <= b * 1.01 for a, b in itertools.pairwise(worth))
    assert worth[-1] > worth[0] + 0.5
