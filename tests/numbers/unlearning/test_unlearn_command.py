"""`foretell unlearn` on files."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from foretell.cli.common.app import make_app
from foretell.numbers.saving import load, save
from foretell.numbers.tables.trial import parted
from foretell.numbers.unlearning.choosing import rows_to_forget

NETWORK = ("--estimator", "histogram-regressor", "--set", "epochs=3", "--set", "body=MLP")


def run(*words):
    return CliRunner().invoke(make_app(), [str(word) for word in words])


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A table, and a model that was fitted to it."""
    folder, rng = tmp_path_factory.mktemp("unlearn"), np.random.RandomState(0)
    size, kind = rng.uniform(1, 9, size=300), rng.choice(["red", "blue"], size=300)
    price = 100 * size + 50 * (kind == "red") + rng.standard_normal(300)
    pd.DataFrame({"number": range(300), "size": size, "kind": kind, "price": price}).to_csv(folder / "data.csv", index=False)
    words = ("--target", "price", "--drop", "number", "-o", folder / "model", *NETWORK, "--json")
    fitted = run("fit", folder / "data.csv", *words)
    assert fitted.exit_code == 0, fitted.output
    return folder


def test_a_model_forgets_and_a_page_says_so(home):
    before = {path.name: path.read_bytes() for path in (home / "model").iterdir()}
    words = ("--forget", "price<400", "-o", home / "new", "--report", home / "page.html", "--json")
    found = run("unlearn", home / "model", home / "data.csv", *words)
    assert found.exit_code == 0, found.output
    said, table = json.loads(found.stdout), pd.read_csv(home / "data.csv")
    kept, held = parted(300, 0.2, 0)
    assert said["forgotten"] == (table["price"][kept] < 400).sum() == said["report"]["rows"]["forget"]
    assert said["held_out"] == (table["price"][held] < 400).sum() == said["report"]["rows"]["test_forget"]
    assert {path.name: path.read_bytes() for path in (home / "model").iterdir()} == before
    assert (load(home / "new").predict(table) != load(home / "model").predict(table)).any()
    page = (home / "page.html").read_text()
    assert "price&lt;400" in page
    assert said["report"]["verdict"] in page.replace("&#39;", "'")


def test_single_rows_by_a_file_and_retraining(home):
    kept, _ = parted(300, 0.2, 0)
    pd.DataFrame({"number": kept[:7]}).to_csv(home / "rows.csv", index=False)
    found = run("unlearn", home / "model", home / "data.csv", "--forget", home / "rows.csv", "-o", home / "anew", "--method", "retrain")
    assert found.exit_code == 0, found.output
    assert "7 of 240 rows were unlearned by retrain" in found.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--forget", "price"), "neither a file of rows nor a condition"),
        (("--forget", "prise<3"), "nearest|price"),
        (("--forget", "price<low"), "'low' is none"),
        (("--forget", "kind<red"), "words, which have no order"),
        (("--forget", "price<-1e9"), "forget names no row"),
        (("--forget", "price<1e9"), "forget names all rows"),
        (("--forget", "price<400", "--method", "blindspt"), "blindspot"),
        (("--forget", "price<400", "--seed", "3"), "the model was fitted with --seed 0"),
        (("--forget", "price<400", "--test-share", "0.3"), "the model was fitted with --test-share 0.2"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_written(home, words, message):
    found = run("unlearn", home / "model", home / "data.csv", *words, "-o", home / "wrong")
    assert found.exit_code != 0
    assert pd.Series([f"{found.output} {found.exception}"]).str.contains(message).all(), found.output
    assert not (home / "wrong").exists()


SEEDED = ("--seed", "5", "--test-share", "0.3")


def unlearned(home, *fit, method=()):
    """What is said of a model that was fitted with these options, and of which a kind of row is forgotten."""
    folder = home / "seeded"
    assert run("fit", home / "data.csv", "--target", "price", "--drop", "number", "-o", folder, *fit, *SEEDED, "--json").exit_code == 0
    found = run("unlearn", folder, home / "data.csv", "--forget", "kind=red", "-o", home / "seeded-new", *method, "--json")
    assert found.exit_code == 0, found.output
    kept, held = parted(300, 0.3, 5)
    is_red = (pd.read_csv(home / "data.csv")["kind"] == "red").to_numpy()
    said = json.loads(found.stdout)
    assert (said["forgotten"], said["held_out"]) == (is_red[kept].sum(), is_red[held].sum())
    assert load(home / "seeded-new").origin_ == load(folder).origin_
    return said


@pytest.mark.parametrize("estimator", ["histogram-regressor", "decoding-regressor"])
@pytest.mark.parametrize("coverage", [(), ("--coverage", "0.8")])
def test_which_rows_were_held_out_is_known_from_the_folder_with_and_without_intervals(home, estimator, coverage):
    said = unlearned(home, "--estimator", estimator, "--set", "epochs=2", *coverage)
    assert said["method"] == "blindspot"


def test_a_model_without_a_network_is_retrained(home):
    assert unlearned(home, "--estimator", "Ridge")["method"] == "retrain"


def test_a_folder_that_keeps_no_seed_needs_it(home):
    model = load(home / "model")
    model.origin_ = {}
    save(model, home / "old")
    words = ("unlearn", home / "old", home / "data.csv", "--forget", "kind=red", "-o", home / "old-new")
    assert "does not keep the --seed" in run(*words).output
    assert "does not keep the --test-share" in run(*words, "--seed", "0").output
    assert run(*words, "--seed", "0", "--test-share", "0.2").exit_code == 0


def test_a_report_needs_rows_that_were_held_out(home):
    words = ("--target", "price", "--drop", "number", "-o", home / "whole", "--test-share", "0", *NETWORK, "--json")
    assert run("fit", home / "data.csv", *words).exit_code == 0
    found = run("unlearn", home / "whole", home / "data.csv", "--forget", "kind=red", "-o", home / "no", "--report", home / "no.html")
    assert "all rows were fitted" in found.output


def test_the_model_is_not_overwritten(home):
    found = run("unlearn", home / "model", home / "data.csv", "--forget", "price<400", "-o", home / "model")
    assert found.exit_code != 0


def test_conditions_and_files(tmp_path):
    table = pd.DataFrame({"n": [1.0, 2.0, 3.0, np.nan], "word": ["a", "b", "a", "b"]})
    assert rows_to_forget(table, "n>=2").tolist() == [False, True, True, False]
    assert rows_to_forget(table, "n != 2").tolist() == [True, False, True, False]
    assert rows_to_forget(table, "word = 'a'").tolist() == [True, False, True, False]
    pd.DataFrame({"word": ["a"], "n": [3]}).to_csv(tmp_path / "rows.csv", index=False)
    assert rows_to_forget(table, str(tmp_path / "rows.csv")).tolist() == [False, False, True, False]
    pd.DataFrame({"n": [1, 9]}).to_csv(tmp_path / "rows.csv", index=False)
    with pytest.raises(ValueError, match="row 2: the table has no such row"):
        rows_to_forget(table, str(tmp_path / "rows.csv"))
