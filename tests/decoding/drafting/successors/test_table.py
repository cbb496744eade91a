"""The table against a dictionary that follows the rules word by word."""

from __future__ import annotations

import math
from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foretell.decoding.drafting.successors.table import SuccessorTable

VOCAB = 6
texts = st.lists(st.integers(0, VOCAB - 1), min_size=1, max_size=60)


class Reference:
    """Contexts in order of use; each a list of (token, weight), best first."""

    def __init__(self, orders, width, step, cap, capacity) -> None:
        self.orders, self.width, self.step, self.cap, self.capacity = sorted(orders, reverse=True), width, step, cap, capacity
        self.rows: OrderedDict[tuple, list] = OrderedDict()
        self.seen: dict[tuple, int] = {}

    def row(self, key: tuple) -> list:
        if key not in self.rows and len(self.rows) == self.capacity:
            gone, _ = self.rows.popitem(last=False)
            self.seen.pop(gone, None)
        self.rows.setdefault(key, [])
        self.rows.move_to_end(key)
        return self.rows[key]

    def learn_text(self, text) -> None:
        for i in range(1, len(text)):
            for n in self.orders:
                if n > i:
                    continue
                key = tuple(text[i - n : i])
                row = self.row(key)
                known = next((entry for entry in row if entry[0] == text[i]), None)
                if known:
                    row.remove(known)
                elif len(row) == self.width:
                    row.pop()
                weight = min((known[1] if known else 0.0) + self.step, self.cap)
                at = sum(1 for _, other in row if other > weight)
                row.insert(at, (text[i], weight))
                self.seen[key] = self.seen.get(key, 0) + 1

    def find(self, text) -> tuple:
        for n in self.orders:
            if n <= len(text) and tuple(text[-n:]) in self.rows:
                key = tuple(text[-n:])
                self.rows.move_to_end(key)
                return key
        return ()


@given(
    st.lists(texts, max_size=5),
    st.sets(st.integers(1, 3), min_size=1),
    st.integers(1, 4),
    st.sampled_from(["add", "count"]),
    st.integers(2, 40),
)
@settings(max_examples=150, deadline=None)
def test_it_learns_text_as_a_dictionary_does(pieces, orders, width, rule, capacity):
    step, cap = (0.25, 1.0) if rule == "add" else (1.0, math.inf)
    table = SuccessorTable(VOCAB, orders, width, rule, step=step, cap=cap, capacity=capacity)
    reference = Reference(orders, width, step, cap, math.inf if table.dense else capacity)
    for piece in pieces:
        table.learn_text(piece)
        reference.learn_text(piece)
        row, order = table.find(piece)
        key = reference.find(piece)
        assert order == len(key)
        expected = reference.rows.get(key, [])
        assert table.entries(row) == ([token for token, _ in expected], [weight for _, weight in expected])
        if rule == "count" and row >= 0:
            assert table.total(row) == reference.seen[key]
    assert len(table) == len(reference.rows)
    for key in list(reference.rows):
        assert table.entries(table.find(key, len(key))[0])[0] == [token for token, _ in reference.rows[key]]


def test_the_worked_example_of_averaging():
    table = SuccessorTable(10, (4, 3, 2), 10, "mean")
    table.learn_rows([[1, 2, 3, 4]], [[5, 6, 7]], [[0.7, 0.2, 0.05]])
    table.learn_rows([[1, 2, 3, 4]], [[6, 5, 8]], [[0.6, 0.3, 0.05]])
    for context in ([1, 2, 3, 4], [0, 2, 3, 4], [0, 0, 3, 4]):
        tokens, probs = table.successors(context)
        assert tokens[:2] == [5, 6]
        assert set(tokens[2:]) == {7, 8}
        assert np.abs(np.array(probs) - [0.5, 0.4, 0.025, 0.025]).max() < 1e-9


def test_averaging_a_context_gives_the_mean_of_its_distributions():
    random, table = np.random.default_rng(0), SuccessorTable(8, (2,), 8, "mean")
    rows = random.dirichlet(np.ones(8), size=40)
    for row in rows:
        best = np.argsort(-row)
        table.learn_rows([[1, 2]], [best], [row[best]])
    tokens, probs = table.successors([1, 2])
    assert np.abs(rows.mean(0)[tokens] - probs).max() < 1e-12
    assert probs == sorted(probs, reverse=True)


def test_overwriting_keeps_the_latest_and_ranks_are_halves():
    table = SuccessorTable(10, width=3)
    assert table.dense
    assert table.find([4]) == (-1, 0)
    table.learn_rows([[4], [4], [5]], [[1, 2, 3], [6, 7, 8], [1, 2, 3]])
    assert table.successors([0, 4]) == ([6, 7, 8], [0.5, 0.25, 0.125])
    table.learn_rows([[4]], [[9]])
    assert table.successors([4])[0] == [9]
    assert len(table) == 2


def test_overwriting_keeps_probabilities_where_asked():
    table = SuccessorTable(10, (2, 1), 3, weighted=True)
    table.learn_rows([[-1, 4]], [[1, 2]], [[0.5, 0.25]])
    assert table.find([4])[1] == 1  # order 2 would need a token before the text's beginning
    assert table.successors([4]) == ([1, 2], [0.5, 0.25])


def test_a_full_table_gives_up_what_was_unused_longest():
    table = SuccessorTable(100, (2,), 2, "count", capacity=3)
    for a in range(3):
        table.learn_text([a, a, 9])
    assert table.find([0, 0])[0] >= 0  # used now
    table.learn_text([7, 7, 9])
    assert [table.find([a, a])[0] >= 0 for a in (0, 1, 2, 7)] == [True, False, True, True]
    assert (len(table), table.evicted) == (3, 1)


def test_it_grows_to_its_capacity_and_keeps_what_it_knows():
    random, table = np.random.default_rng(0), SuccessorTable(1000, (3, 2, 1), 4, "count", capacity=20_000)
    text = random.integers(0, 1000, 4000)
    table.learn_text(text)
    assert table.evicted == 0
    for i in range(3, 4000, 97):
        assert int(text[i]) in table.successors(text[i - 3 : i].tolist(), order=3)[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vocab_size": 0}, "vocab_size=0"),
        ({"orders": ()}, "orders"),
        ({"orders": (0, 1)}, "each 1 or more"),
        ({"orders": (2, 2)}, "must not repeat"),
        ({"width": 0}, "width=0"),
        ({"rule": "average"}, "must be one of overwrite, add, mean, count"),
        ({"rule": "add", "step": 0.0}, "step=0.0 must be above 0"),
        ({"rule": "add", "step": 1.0, "cap": 1.0}, "cap=1.0 must be above step"),
        ({"rule": "mean", "weighted": False}, "must be True"),
        ({"capacity": 0}, "capacity=0"),
    ],
)
def test_wrong_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        SuccessorTable(**{"vocab_size": 5, **options})


def test_wrong_lessons_are_refused():
    table = SuccessorTable(5, (2, 1), 2, "mean")
    for probs in ([[math.nan]], [[-0.1]], [[math.inf]]):
        with pytest.raises(ValueError, match="finite and not negative"):
            table.learn_rows([[0, 1]], [[2]], probs)
    with pytest.raises(ValueError, match="shape of tokens"):
        table.learn_rows([[0, 1]], [[2]], [[0.1, 0.2]])
    with pytest.raises(ValueError, match="tokens=5 is outside the vocabulary of 5"):
        table.learn_rows([[0, 1]], [[5]], [[0.1]])
    with pytest.raises(ValueError, match="this way of learning is for add and count"):
        table.learn_text([0, 1])
    assert len(table) == 0
    counts = SuccessorTable(5, rule="count")
    with pytest.raises(ValueError, match="outside the vocabulary"):
        counts.learn_text([0, 7])
    counts.frozen = True
    with pytest.raises(ValueError, match="cannot learn"):
        counts.learn_text([0, 1])
