"""A table comes back from its file as it was, to its own model only."""

from __future__ import annotations

import numpy as np
import pytest

from foretell.decoding.successors.files import TableFileError, load_table, save_table
from foretell.decoding.successors.table import SuccessorTable
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
            if rule in ("add", "count"):
                each.learn_text(np.random.default_rng(2).integers(0, 50, 500))
            else:
                each.learn_rows(np.random.default_rng(2).integers(0, 50, (90, each.longest)), [[1, 2]] * 90, [[0.5, 0.25]] * 90)
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
