"""Models of one tokenizer whose vocabularies are padded to different widths."""

from __future__ import annotations

import pytest
import torch

from foretell.decoding.drafters.beam import Beam
from foretell.decoding.drafters.draft_model import DraftModel
from foretell.decoding.drafters.sorted_draft import SortedDraft
from foretell.decoding.drafters.stochastic_beam import StochasticBeam
from foretell.decoding.draws import SampledDraws
from foretell.decoding.groups.model_group import ModelGroup
from foretell.decoding.paces.fixed import Fixed
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.sampler import Sampler
from foretell.decoding.session import Session
from foretell.decoding.verifiers.exact import Exact
from foretell.errors import UserError
from foretell.models.base import Feed
from foretell.models.fitted import FittedModel
from foretell.models.text import Text
from foretell.models.tiny import TinyModel
from foretell.models.vocabulary import fitted
from foretell.testing.model_contracts import check_model


def text_of(names: list[str]) -> Text:
    from tokenizers import Tokenizer, models

    return Text(
        Tokenizer(models.WordLevel(dict(zip(names, range(len(names)), strict=True)), unk_token=names[0])), frozenset(), None, "", ""
    )


def model(vocab_size: int, seed: int = 0, names: int = 6, **settings) -> TinyModel:
    """A model with a tokenizer of `names` tokens and logits of another width."""
    made = TinyModel(vocab_size, seed=seed, **settings)
    made.tokenizer = text_of([f"word{i}" for i in range(names)])
    return made


def run(target, drafter, greedy: bool = True) -> list[int]:
    recipe = Recipe(drafter, Exact(), Fixed(3)) if drafter is not None else Recipe()
    request = Request([0, 1, 2], 40, Sampler(greedy=greedy), SampledDraws(3))
    for _ in Session(target, recipe).run([request]):
        pass
    return request.generated


@pytest.mark.parametrize(("width", "draft_width"), [(9, 7), (7, 9), (6, 8)])
def test_drafts_of_another_width_give_plain_text(width, draft_width):
    target, draft = model(width), model(draft_width, seed=1, num_layers=2)
    wanted = run(target, None)
    assert width < 8 or max(wanted) >= draft_width  # some tokens are none of the draft's
    for drafter in (DraftModel(draft), Beam(draft, 2, 2), StochasticBeam(draft, 2, 2), SortedDraft(draft, (1, 2), (0.5,), 2)):
        assert run(target, drafter) == wanted
        assert len(run(target, drafter, greedy=False)) == 40


def test_a_group_takes_members_of_another_width():
    group = ModelGroup([model(7, seed=1), model(9)], "entropy-adaptive(threshold=1.0, min_duration=1)")
    assert group.vocab_size == 9
    assert len(run(group, None)) == 40


def test_columns_are_padded_and_cut():
    inner = model(7)
    rows = inner.forward([Feed(None, [1, 2])])[0].logits
    wide, narrow = FittedModel(inner, 9), FittedModel(inner, 6)
    found = wide.forward([Feed(None, [1, 2])])[0].logits
    assert torch.equal(found[:, :7], rows)
    assert torch.isneginf(found[:, 7:]).all()
    assert torch.equal(narrow.forward([Feed(None, [1, 2])])[0].logits, rows[:, :6])
    assert torch.equal(wide.forward([Feed(None, [1, 8])])[0].logits, wide.forward([Feed(None, [1, 6])])[0].logits)
    states = inner.forward([Feed(None, [1, 2])], hidden=("post_norm",))[0].hidden["post_norm"]
    assert torch.equal(wide.head(states, [8, 0])[:, 1], rows[:, 0])
    with pytest.raises(UserError, match="token=9 is outside the vocabulary of 9"):
        wide.forward([Feed(None, [9])])


def test_a_fitted_model_keeps_the_contract():
    check_model(FittedModel(TinyModel(vocab_size=50, num_layers=3), 50))


def test_only_padding_may_differ():
    target = model(9)
    assert fitted(target, same := model(9, seed=1)) is same
    with pytest.raises(UserError, match="token 6 \\('word6'\\) is in the second vocabulary only"):
        fitted(target, model(9, names=7))
    with pytest.raises(UserError, match="its logits are 8 wide, the target's 9"):
        fitted(TinyModel(9), TinyModel(8))
    padded = model(9)
    padded.tokenizer = text_of([*(f"word{i}" for i in range(6)), "[PAD6]", "[PAD7]"])  # as llama.cpp's converter pads
    assert fitted(target, padded) is padded
