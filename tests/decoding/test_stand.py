"""STAND: what it learns where, whom it shares it with, and what it drafts at which temperature."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from foretell.decoding.drafter import Ask, Seen
from foretell.decoding.drafters.stand import Stand
from foretell.decoding.drafting.successors.files import TableFileError, save_table
from foretell.decoding.drafting.successors.table import SuccessorTable
from foretell.decoding.draws import SampledDraws
from foretell.decoding.paces.fixed import Fixed
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.sampling_options import make_sampler
from foretell.decoding.session import Session
from foretell.decoding.tree import Kind, Tree
from foretell.models.base import Feed
from foretell.models.tiny import TinyModel
from tests.decoding.helpers import GREEDY, ask, greedy_text, run

MODEL = TinyModel(vocab_size=12, order=2, seed=3)
SHAPE = ((0,), (1,), (0, 0), (2,), (0, 1), (0, 0, 0))


def distribution_of(text: list[int]) -> np.ndarray:
    """The model's own distribution after `text`, at temperature 1."""
    return MODEL.forward([Feed(MODEL.new_cache(), text, num_logits=1)])[0].logits[-1].double().softmax(-1).numpy()


def test_after_a_run_the_table_holds_the_models_distributions():
    """The model looks at two tokens, so every pair's average is its distribution, whether it was accepted or rejected."""
    stand = Stand(orders=(2,), width=12, shape=SHAPE, scope="global")
    session = Session(MODEL, Recipe(stand, pace=Fixed(6)))
    for _ in session.run([Request([1, 2, 3], 80, make_sampler(temperature=0.8), SampledDraws(seed)) for seed in range(3)], 2):
        pass
    table = session.draft_memory.of([])
    known = 0
    for a in range(12):
        for b in range(12):
            tokens, probs = table.successors([a, b])
            known += bool(tokens)
            if tokens:
                assert probs == pytest.approx(distribution_of([a, b])[tokens], rel=0.02, abs=1e-6)
    assert known > 20
    assert table.statistics["taught beside the text"] > 0
    assert table.statistics["taught"] > 100


def test_the_longest_known_context_is_used():
    stand = Stand(orders=(3, 2), siblings="top-k", shape=((0,),))
    state = stand.begin(stand.remember(MODEL), [])
    state.table.learn_rows([[7, 1, 2]], [[5]], [[0.6]])
    state.table.learn_rows([[8, 1, 2]], [[6]], [[0.9]])
    for text, expected in (([7, 1, 2], [5]), ([8, 1, 2], [6]), ([9, 1, 2], [6]), ([9, 9, 2], [])):
        assert stand.propose([ask(text, state)])[0].tokens == expected


def taught() -> tuple[Stand, object]:
    stand = Stand(orders=(2, 1), width=4, shape=SHAPE)
    state = stand.begin(stand.remember(MODEL), [1, 2])
    contexts = [[a, b] for a in range(12) for b in range(12)]
    distributions = np.array([distribution_of(context) for context in contexts])
    best = np.argsort(-distributions, -1)[:, :4]
    state.table.learn_rows(contexts, best, np.take_along_axis(distributions, best, -1))
    return stand, state


def test_at_temperature_0_drawn_siblings_are_the_top_k_ones():
    stand, state = taught()
    tree = stand.propose([ask([1, 2], state)])[0]
    assert tree == stand.replace(siblings="top-k").propose([ask([1, 2], state)])[0]
    assert set(tree.kinds) == {Kind.FIXED}
    cold = Ask([1, 2], 1, state, 80, 80, make_sampler(temperature=0.01), SampledDraws(0))
    drawn = stand.propose([cold])[0]
    assert drawn.tokens[0] == tree.tokens[0]  # and nearly so at temperature near 0
    for sampler in (GREEDY, make_sampler(temperature=0.01)):
        requests = [Request([1, 2], 40, sampler, SampledDraws(0)) for _ in range(2)]
        run(MODEL, stand, requests[:1])
        run(MODEL, stand.replace(siblings="top-k"), requests[1:])
        assert requests[0].generated == requests[1].generated
    assert requests[0].generated == greedy_text(MODEL, [1, 2], 40)


def test_drawn_siblings_are_distinct_and_drawn_once_a_seed():
    stand, state = taught()
    for seed in range(20):
        warm = Ask([1, 2], 1, state, 80, 80, make_sampler(temperature=1.0), SampledDraws(seed))
        tree = stand.propose([warm])[0]
        assert tree.tokens == stand.propose([warm])[0].tokens
        for siblings in tree.children().values():
            assert len({tree.tokens[node] for node in siblings}) == len(siblings)
            assert len({id(tree.q[node]) for node in siblings}) == 1


def test_later_answers_to_one_question_take_fewer_steps_unless_the_table_is_cleared():
    def steps(scope: str) -> list[int]:
        requests = [Request([1, 2, 3], 40, make_sampler(temperature=0.7), SampledDraws(seed)) for seed in range(12)]
        run(MODEL, Stand(orders=(3, 2), shape=SHAPE, scope=scope), requests, max_batch=1)
        return [len(request.trace.decode_steps) for request in requests]

    shared, cleared = steps("problem"), steps("request")
    assert np.mean(shared[6:]) < shared[0] - 2
    assert np.mean(shared[6:]) < np.mean(cleared[6:]) - 2


def test_a_table_is_where_it_begins(tmp_path):
    stand, state = taught()
    path = tmp_path / "stand.table"
    save_table(state.table, path, MODEL)
    again = stand.replace(table=str(path))
    fresh = again.begin(again.remember(MODEL), [1, 2])
    assert again.propose([ask([1, 2], fresh)])[0] == stand.propose([ask([1, 2], state)])[0]
    with pytest.raises(TableFileError, match="the model's is 13"):
        again.remember(TinyModel(13))
    with pytest.raises(ValueError, match="must be of orders"):
        again.replace(orders=(3, 2)).remember(MODEL)


def test_a_full_table_stays_full():
    table = SuccessorTable(12, (2, 1), 4, "mean", capacity=5)
    stand = Stand(orders=(2, 1), capacity=5, shape=SHAPE)
    state = stand.begin(stand.remember(MODEL), [1])
    assert state.table.settings == {**table.settings, "width": 10}
    for token in range(12):
        stand.observe_request(state, Seen([token], torch.zeros(1, 12), Tree(), [], [0]))
    assert len(state.table) == 5
    assert state.table.evicted > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"orders": ()}, "orders"),
        ({"orders": (0, 2)}, "each 1 or more"),
        ({"width": 0}, "width=0"),
        ({"siblings": "all"}, "gumbel, top-k, best-first"),
        ({"scope": "all"}, "request, problem, global"),
        ({"shape": ((0,), (2,))}, r"elder sibling \(1,\)"),
        ({"shape": ((1,), (0,))}, r"elder sibling \(0,\)"),
        ({"shape": ()}, "at least one path"),
        ({"capacity": 0}, "capacity=0"),
    ],
)
def test_wrong_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Stand(**options)
