"""ADED: what the window teaches, what is proposed, and that ADED, STAND and Token Recycling are settings of one table."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from foretell.decoding.drafter import Seen
from foretell.decoding.drafters.aded import Aded
from foretell.decoding.drafters.stand import Stand
from foretell.decoding.drafters.token_recycling import TokenRecycling
from foretell.decoding.drafting.successors.corpus import corpus_table
from foretell.decoding.drafting.successors.files import TableFileError, save_table
from foretell.decoding.drafting.successors.table import SuccessorTable
from foretell.decoding.draws import SampledDraws
from foretell.decoding.request import Request
from foretell.decoding.tree import Tree
from foretell.models.tiny import TinyModel
from tests.decoding.helpers import GREEDY, ask, greedy_text, run

MODEL = TinyModel(vocab_size=12, order=2, seed=3)


def seen(tokens: list[int]) -> Seen:
    """A step that added `tokens`."""
    return Seen([0], torch.zeros(0, 12), Tree(), [], tokens)


def weights_after(drafter: Aded, prompt: list[int], steps: list[list[int]]) -> dict[tuple[int, int, int], float]:
    """All trigram weights after these steps."""
    memory = drafter.remember(MODEL)
    state = drafter.begin(memory, prompt)
    for tokens in steps:
        drafter.observe_request(state, seen(tokens))
    table, found = state.table, {}
    for a in range(12):
        for b in range(12):
            found |= {(a, b, c): weight for c, weight in zip(*table.successors([a, b]), strict=True)}
    return found


def test_each_step_reinforces_the_trigrams_of_its_window():
    random = np.random.default_rng(0)
    prompt, steps = random.integers(0, 12, 20).tolist(), [random.integers(0, 12, n).tolist() for n in (1, 3, 2, 9, 1)]
    expected: Counter = Counter()
    text = list(prompt)
    for tokens in steps:
        text += tokens
        tail = text[-16:]
        for trigram in zip(tail, tail[1:], tail[2:], strict=False):
            expected[trigram] += 0.04
    assert weights_after(Aded(width=12), prompt, steps) == pytest.approx(dict(expected))


def test_without_a_window_each_new_trigram_counts_once_and_the_cap_holds():
    prompt, steps = [1, 2], [[3], [4, 1], [2, 3], [4]]
    text = [1, 2, 3, 4, 1, 2, 3, 4]
    once = Counter(zip(text, text[1:], text[2:], strict=False))
    assert weights_after(Aded(step=1.0, adaptation="fresh"), prompt, steps) == pytest.approx(dict(once))
    capped = weights_after(Aded(step=1.0, cap=1.5, adaptation="fresh"), prompt, steps)
    assert set(capped.values()) == {1.0, 1.5}
    assert weights_after(Aded(adaptation="none"), prompt, steps) == {}
    assert weights_after(Aded(learn_prompt=True, adaptation="fresh"), [5, 6, 7, 8], [[9]]) == pytest.approx(
        {(5, 6, 7): 0.04, (6, 7, 8): 0.04, (7, 8, 9): 0.04}
    )


def test_it_proposes_what_it_learnt_and_nothing_else():
    drafter = Aded()
    state = drafter.begin(drafter.remember(MODEL), [1, 2, 3])
    assert len(drafter.propose([ask([1, 2, 3], state)])[0]) == 0
    drafter.observe_request(state, seen([4, 5, 6]))
    assert drafter.propose([ask([1, 2, 3], state)])[0].tokens == [4, 5, 6]
    assert drafter.propose([ask([1, 2, 3], state, num_nodes=2)])[0].tokens == [4, 5]
    assert len(drafter.propose([ask([3], state)])[0]) == 0  # no pair yet: an ordinary step


@pytest.mark.parametrize("search", ["puct", "best-first"])
def test_greedy_text_is_plain_text_and_repetition_is_accepted(search):
    requests = [Request([1, 2, 3], 60, GREEDY, SampledDraws(0)) for _ in range(2)]
    for request in requests:
        run(MODEL, Aded(search), [request])
        assert request.generated == greedy_text(MODEL, [1, 2, 3], 60)
        assert request.trace.tokens_per_step > 1.5
    session_of_two = [Request([1, 2, 3], 60, GREEDY, SampledDraws(0)) for _ in range(2)]
    run(MODEL, Aded(search), session_of_two, max_batch=1)
    assert session_of_two[1].trace.tokens_per_step > session_of_two[0].trace.tokens_per_step  # the table outlives the request
    run(MODEL, Aded(search, scope="request"), requests := [Request([1, 2, 3], 60, GREEDY, SampledDraws(0)) for _ in range(2)], max_batch=1)
    assert requests[1].trace.tokens_per_step == requests[0].trace.tokens_per_step


def test_a_corpus_is_where_it_begins(tmp_path):
    path = tmp_path / "corpus.table"
    save_table(corpus_table([[1, 2, 3, 1, 2, 4, 1, 2, 3]], 12), path, MODEL)
    drafter = Aded(corpus=str(path))
    memory = drafter.remember(MODEL)
    state = drafter.begin(memory, [1, 2])
    assert drafter.propose([ask([1, 2], state, depth=1)])[0].tokens == [3, 4]
    drafter.observe_request(state, seen([5]))
    assert state.table.successors([1, 2])[0] == [3, 4, 5]
    own = Aded(corpus=str(path), scope="request")
    tables = own.remember(MODEL)
    own.observe_request(own.begin(tables, [1, 2]), seen([5]))
    assert tables.of([1, 2]).successors([1, 2])[0] == [3, 4]
    with pytest.raises(TableFileError, match="vocabulary of 12, the model's is 13"):
        drafter.remember(TinyModel(13))
    save_table(SuccessorTable(12, (2,), rule="count"), path, MODEL)
    with pytest.raises(ValueError, match='must be of orders \\(2,\\) and rule "add"'):
        drafter.remember(MODEL)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"step": 0.0}, "step=0.0 must be above 0"),
        ({"step": 0.5, "cap": 0.5}, "cap=0.5 must be above step=0.5"),
        ({"width": 0}, "width=0"),
        ({"window": 2}, "window=2 must be at least 3"),
        ({"adaptation": "all"}, "window, fresh, none"),
        ({"search": "dfs"}, "puct, best-first"),
        ({"scope": "world"}, "request, problem, global"),
        ({"top": 0}, "top=0"),
        ({"capacity": 0}, "capacity=0"),
    ],
)
def test_wrong_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Aded(**options)


def test_three_methods_are_three_settings_of_one_table():
    """The tables that the drafters keep, against bare tables taught by hand on the same run."""
    rows = torch.randn(3, 12, generator=torch.Generator().manual_seed(0))
    step = Seen([1, 2, 3], rows, Tree(), [], [4])
    best = rows.topk(2).indices.numpy()
    recycling = TokenRecycling(k=2, template=((0,),))
    table = recycling.remember(MODEL)
    recycling.observe_request(table, step)
    same = SuccessorTable(12, (1,), 2, "overwrite")
    same.learn_rows([[1], [2], [3]], best)
    assert (np.asarray(table[:]) == same.store.tokens).all()

    stand = Stand(orders=(2, 1), width=2, shape=((0,),))
    state = stand.begin(stand.remember(MODEL), [1, 2, 3])
    stand.observe_request(state, step)
    probs = rows.double().softmax(-1).numpy()
    averaged = SuccessorTable(12, (2, 1), 2, "mean")
    averaged.learn_rows([[-1, 1], [1, 2], [2, 3]], best, np.take_along_axis(probs, best, -1))
    for context in ([1], [1, 2], [2, 3], [3], [5, 3]):
        tokens, weights = state.table.successors(context)
        assert tokens == averaged.successors(context)[0]
        assert weights == pytest.approx(averaged.successors(context)[1], rel=0.02)

    aded = Aded(adaptation="fresh")
    grown = aded.begin(aded.remember(MODEL), [1, 2, 3])
    aded.observe_request(grown, step)
    counted = SuccessorTable(12, (2,), 12, "add", step=0.04, cap=3.0)
    counted.learn_text([2, 3, 4])
    assert grown.table.successors([2, 3]) == counted.successors([2, 3]) == ([4], [0.04])
