"""Tables of a model's own phrases."""

from __future__ import annotations

import pytest

from foretell.decoding.drafters.stand import Stand
from foretell.decoding.drafting.successors.files import save_table
from foretell.decoding.draws import SampledDraws
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.models.base import Feed
from foretell.models.tiny import TinyModel
from foretell.phrases import made_up_prompts, own_phrases
from tests.decoding.helpers import GREEDY, greedy_text, run

MODEL = TinyModel(vocab_size=12, order=2, seed=3)


def test_rows_hold_the_models_own_distributions():
    table = own_phrases(MODEL, [[1, 2]], orders=(2,), width=3, max_new_tokens=1)
    rows = MODEL.forward([Feed(MODEL.new_cache(), [1, 2])])[0].logits[-1].softmax(-1)
    tokens, weights = table.successors([1, 2])
    assert tokens == rows.topk(3).indices.tolist()
    assert weights == pytest.approx(rows.topk(3).values.tolist(), rel=1e-3)


def test_a_table_made_beforehand_drafts_from_the_first_step(tmp_path):
    prompts = [[1, 2], [3, 4], [5, 6]]
    save_table(own_phrases(MODEL, prompts, max_new_tokens=30), tmp_path / "t.npz", MODEL, compact=True)
    settings = {"orders": (2, 1), "siblings": "best-first", "scope": "global"}
    per_step = []
    for drafter in (Stand(**settings), Stand(**settings, table=str(tmp_path / "t.npz"))):
        requests = run(MODEL, drafter, [Request(prompt, 30, GREEDY, SampledDraws(0)) for prompt in prompts], max_batch=1)
        assert [request.generated for request in requests] == [greedy_text(MODEL, prompt, 30) for prompt in prompts]
        per_step.append(requests[0].trace.tokens_per_step)
    assert per_step[1] > per_step[0] + 1
    assert Recipe.parse(str(Recipe(drafter))) == Recipe(drafter)


def test_time_ends_it_with_what_there_is():
    few = own_phrases(MODEL, [[i % 12, 1] for i in range(64)], max_new_tokens=40, seconds=0.0)
    told: list[float] = []
    many = own_phrases(MODEL, [[i % 12, 1] for i in range(64)], max_new_tokens=40, report=lambda done, tokens: told.append(done))
    assert 0 < len(few) < len(many)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_ctrl_c_keeps_what_was_answered():
    def stop(done, tokens):
        if done > 0.5:
            raise KeyboardInterrupt

    prompts = [[i % 12, 1] for i in range(64)]
    whole = own_phrases(MODEL, prompts, max_new_tokens=40)
    assert 0 < len(own_phrases(MODEL, prompts, max_new_tokens=40, report=stop)) <= len(whole)


def test_a_model_without_a_chat_makes_nothing_up():
    with pytest.raises(ValueError, match="without a chat template; name a file of prompts"):
        made_up_prompts(MODEL, 1)
