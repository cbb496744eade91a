"""A table comes back from its file as it was, to its own model only."""

from __future__ import annotations

import numpy as np
import pytest

from foretell.decoding.drafting.successors.files import MOST_SEEN, TableFileError, load_table, save_table
from foretell.decoding.drafting.successors.table import SuccessorTable
from foretell.models.tiny import TinyModel

MODEL = TinyModel(50)


def taught(rule: str, orders: tuple[int, ...], capacity: int = 300) -> SuccessorTable:
    random, table = np.random.default_rng(0), SuccessorTable(50, orders, 4, rule, step=0.04, cap=3.0, capacity=capacity)
    if rule in ("add", "count"):
        table.learn_text(random.integers(0, 50, 2000))
    else:
        probs = np.sort(random.dirichlet(np.ones(4), 500))[:, ::-1]
        table.learn_rows(random.integers(0, 50, (500, table.longest)), random.permuted(np.tile(np.arange(50), (500, 1)), axis=1)[:, :4],
                         probs)  # fmt: skip
    return table


def teach(table: SuccessorTable, rule: str) -> None:
    """Something new."""
    if rule in ("add", "count"):
        table.learn_text(np.random.default_rng(2).integers(0, 50, 500))
    else:
        table.learn_rows(np.random.default_rng(2).integers(0, 50, (90, table.longest)), [[1, 2]] * 90, [[0.5, 0.25]] * 90)


@pytest.mark.parametrize("rule", ["overwrite", "add", "mean", "count"])
@pytest.mark.parametrize("orders", [(1,), (3, 1)])
def test_it_comes_back_and_goes_on_alike(tmp_path, rule, orders):
    table, path = taught(rule, orders), tmp_path / "a.table"
    save_table(table, path, MODEL)
    back = load_table(path, MODEL)
    assert back.settings == table.settings
    random = np.random.default_rng(1)
    for _ in range(2):
        for context in random.integers(0, 50, (200, 3)).tolist():
            assert back.successors(context) == table.successors(context)
        for each in (back, table):  # what is evicted next is the same, too
            teach(each, rule)
    assert (len(back), back.evicted) == (len(table), table.evicted)


class Renamed:
    """A tokenizer of the same size in which the ids mean other words."""

    @property
    def vocabulary(self) -> tuple[str, ...]:
        return tuple(f"word {i}" for i in range(50))


def test_another_models_table_is_refused(tmp_path):
    path = tmp_path / "a.table"
    save_table(taught("count", (2,)), path, MODEL)
    with pytest.raises(TableFileError, match="vocabulary of 50, the model's is 51"):
        load_table(path, TinyModel(51))
    other = TinyModel(50)
    other.tokenizer = Renamed()
    with pytest.raises(TableFileError, match="another tokenizer"):
        load_table(path, other)
    with pytest.raises(ValueError, match="not of this model"):
        save_table(taught("count", (2,)), path, TinyModel(51))


def test_files_that_are_no_tables_are_refused(tmp_path):
    with pytest.raises(TableFileError, match="there is no such table"):
        load_table(tmp_path / "none.table", MODEL)
    wrong = tmp_path / "wrong.table"
    whole = tmp_path / "whole.table"
    save_table(taught("count", (2,)), whole, MODEL)
    for content in (b"", b"text", whole.read_bytes()[:400]):
        wrong.write_bytes(content)
        with pytest.raises(TableFileError, match="not a table"):
            load_table(wrong, MODEL)


@pytest.mark.parametrize("rule", ["mean", "count"])
@pytest.mark.parametrize("orders", [(1,), (3, 1)])
def test_a_compact_table_says_the_same_in_less_room_and_learns_sooner(tmp_path, rule, orders):
    table, full, small = taught(rule, orders, 300), tmp_path / "full", tmp_path / "small"
    save_table(table, full, MODEL)
    save_table(table, small, MODEL, compact=True)
    assert small.stat().st_size < full.stat().st_size
    back = load_table(small, MODEL)
    rows = min(len(table), 300)
    for context in table.store.context[:rows].tolist() if not table.dense else [[token] for token in range(50)]:
        known = [token for token in context if token >= 0]
        tokens, weights = table.successors(known, len(known))
        assert back.successors(known, len(known)) == (tokens, pytest.approx(weights, rel=1e-3))
    assert back.store.counts[: len(back)].max() <= MOST_SEEN
    teach(back, rule)
    assert len(back) <= 300


def test_a_compact_table_gives_up_its_rarest_rows_first(tmp_path):
    table = SuccessorTable(50, (1, 2), 4, "count", capacity=4)
    table.learn_text([1, 2])
    for _ in range(3):
        table.learn_text([3, 4])
    save_table(table, tmp_path / "small", MODEL, compact=True)
    back = load_table(tmp_path / "small", MODEL)
    back.learn_text([5, 6, 7])  # three new contexts for two free rows: the once-seen one goes
    assert back.successors([3])[0] == [4]
    assert back.successors([1])[0] == []


def test_no_table_is_shipped_for_a_tokenizer_nobody_knows():
    with pytest.raises(TableFileError, match="no table comes with Foretell for this model's tokenizer; make one with `foretell phrases"):
        load_table("shipped", MODEL)
