"""Units are runs of sure tokens; a branch of a rebuilt text is computed as if it stood alone."""

from __future__ import annotations

import random

import pytest
import torch

from foretell.training.backbones.backbone import Backbone
from foretell.training.lexical_units import NOTHING, Branch, branches_of, mark_units, pack, token_probabilities, unit_lengths
from tests.models.zoo import random_llama


@pytest.fixture(scope="module")
def network():
    return random_llama(20, num_layers=2, num_heads=2, context=64, spread=0.4)


def test_units_worked_out_by_hand():
    p = [0.0, 0.9, 0.89, 0.95, 0.95, 0.95, 0.95, 0.1]
    assert mark_units(p, 0.9, 4) == [(0, 2), (2, 6), (6, 7), (7, 8)]  # the run from 2 is cut at four tokens
    assert mark_units(p, 0.9, 8) == [(0, 2), (2, 7), (7, 8)]
    assert mark_units([], 0.9, 4) == []
    assert unit_lengths(mark_units(p, 0.9, 8)) == {1: 1, 2: 1, 5: 1}


def test_units_are_the_maximal_runs():
    dice = random.Random(0)
    for _ in range(100):
        p = [dice.random() for _ in range(30)]
        units = mark_units(p, 0.5, 6)
        assert [i for start, end in units for i in range(start, end)] == list(range(30))
        for (start, end), following in zip(units, [*units[1:], None], strict=True):
            assert all(p[i] >= 0.5 for i in range(start + 1, end))
            assert end - start <= 6
            assert following is None or p[end] < 0.5 or end - start == 6


def test_branches_ask_for_what_follows_the_next_token():
    units = [(0, 1), (1, 4), (4, 6), (6, 10)]
    # Behind 0 the next token is 1, placeholders say 2 and 3; behind 1 a placeholder says 3; and so on.
    assert branches_of(units, 4, False, 10) == [Branch(0, 2), Branch(1, 1), Branch(3, 1), Branch(5, 3), Branch(6, 2), Branch(7, 1)]
    assert branches_of(units, 3, True, 10) == [Branch(0, 2), Branch(1, 2), Branch(3, 2), Branch(5, 2), Branch(6, 2), Branch(7, 1)]
    assert branches_of([(0, 3)], 4, False, 3) == [Branch(0, 1)]


def test_a_packed_pass_is_each_branch_alone(network):
    """Against fresh passes of the text and of every prefix with its placeholders; and the targets are the text's own tokens."""
    texts = torch.randint(0, 19, (2, 12), generator=torch.Generator().manual_seed(0))
    branches = [[Branch(2, 3), Branch(0, 1), Branch(8, 2)], [Branch(5, 2)]]
    packed = pack(texts, branches, placeholder=19)
    away = torch.zeros(packed.mask[:, None].shape).masked_fill(~packed.mask[:, None], torch.finfo(torch.float32).min)
    with torch.no_grad():
        logits = network(input_ids=packed.tokens, attention_mask=away, position_ids=packed.positions).logits
        for i, each in enumerate(branches):
            whole = network(texts[i : i + 1]).logits[0]
            assert torch.allclose(logits[i, :12], whole, atol=1e-4)
            assert packed.text_targets[i, :11].tolist() == texts[i, 1:].tolist()
            assert set(packed.text_targets[i, 11:].tolist()) == {NOTHING}
            at = 12
            for branch in each:
                alone = torch.cat([texts[i, : branch.end + 1], torch.full((branch.num,), 19)])[None]
                assert torch.allclose(logits[i, at : at + branch.num], network(alone).logits[0, branch.end + 1 :], atol=1e-4)
                wanted = texts[i, branch.end + 2 : branch.end + 2 + branch.num].tolist()
                assert packed.branch_targets[i, at : at + branch.num].tolist() == wanted
                at += branch.num
            assert set(packed.branch_targets[i, at:].tolist()) <= {NOTHING}
    assert not torch.isnan(logits).any()


def test_probabilities_are_those_of_the_tokens_that_stand_there(network):
    texts = torch.randint(0, 19, (3, 9), generator=torch.Generator().manual_seed(1))
    found = token_probabilities(Backbone(network), texts, batch=2)
    for i in range(3):
        for t in range(1, 9):
            with torch.no_grad():
                p = network(texts[i : i + 1, :t]).logits[0, -1].softmax(-1)[texts[i, t]]
            assert found[i, t] == pytest.approx(float(p), rel=1e-3)
    assert (found[:, 0] == 0).all()
