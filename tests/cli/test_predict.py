"""`foretell predict` with a model that `foretell fit` kept."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from foretell.numbers.saving import HEAD, save
from tests.cli.tables import write_table


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A model with intervals, and the table it was fitted to."""
    from typer.testing import CliRunner

    from foretell.cli.common.app import make_app

    folder = tmp_path_factory.mktemp("kept")
    table = write_table(folder)
    args = [
        "--target",
        "price",
        "--drop",
        "id",
        "--estimator",
        "histogram-regressor",
        "--set",
        "epochs=3",
        "--coverage",
        "0.8",
        "-o",
        str(folder / "model"),
    ]
    assert CliRunner().invoke(make_app(), ["fit", str(table), *args]).exit_code == 0
    return folder


@pytest.fixture
def model(kept, home):
    shutil.copytree(kept / "model", home / "model")
    shutil.copy(kept / "houses.csv", home / "houses.csv")
    return home


def test_a_row_for_each_row_on_stdout_or_in_a_file(foretell, model):
    result = foretell("predict", "model", "houses.csv", "--interval", "0.8")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[0] == "prediction,lower,upper"
    assert len(result.stdout.splitlines()) == 121
    assert "against the true price: R2" in result.stderr
    assert foretell("predict", "model", "houses.csv", "--interval", "0.8", "-o", "out.csv").stdout == ""
    assert (model / "out.csv").read_text() == result.stdout
    found = pd.read_csv(model / "out.csv")
    assert (found["lower"] <= found["upper"]).all()
    said = json.loads(foretell("predict", "model", "houses.csv", "--json").stdout)
    assert said["target"] == "price"
    assert said["prediction"] == pytest.approx(found["prediction"].tolist())


def test_a_table_without_the_target_and_in_another_order(foretell, model):
    frame = pd.read_csv(model / "houses.csv")
    frame[["colour", "size"]].to_csv(model / "new.csv", index=False)
    result = foretell("predict", "model", "new.csv")
    assert result.stdout == foretell("predict", "model", "houses.csv").stdout
    assert result.stderr == ""


def test_unseen_categories(foretell, model):
    (model / "new.csv").write_text("size,colour\n0.5,red\n0.5,pink\n")
    result = foretell("predict", "model", "new.csv")
    assert result.exit_code == 2
    assert "column 'colour', row 2: the category 'pink' was not there in fitting" in result.stderr
    assert len(foretell("predict", "model", "new.csv", "--unseen", "ignore").stdout.splitlines()) == 3


@pytest.mark.parametrize(
    ("text", "args", "message"),
    [
        ("size\n1\n", (), "the fitted column='colour' is no column of the table"),
        ("size,colour\nbig,red\n", (), "column 'size', row 1: 'big' is no number"),
        ("size,colour\n1,\n", (), "column 'colour', row 1: the category is missing"),
        ("size,colour\n1,red\n", ("--interval", "0.99"), "needs at least 99"),
        ("size,colour\n1,red\n", ("--interval", "9"), "--interval 9.0 must lie between"),
        ("size,colour\n1,red\n", ("--unseen", "drop"), "--unseen drop must be"),
        ("size,colour\n1,red\n", ("-o", "absent/out.csv"), "does not exist; create it first"),
    ],
)
def test_mistakes(foretell, model, text, args, message):
    (model / "new.csv").write_text(text)
    result = foretell("predict", "model", "new.csv", *args)
    assert (result.exit_code, message in result.stderr) == (2, True), result.stderr
    assert result.stdout == ""


def test_folders_that_are_no_model_of_tables(foretell, model):
    assert "is not a folder; give one that" in foretell("predict", "nothing", "houses.csv").stderr
    save(Ridge().fit([[0.0], [1.0]], [0.0, 1.0]), model / "ridge")
    assert "holds a Ridge, which does not predict tables" in foretell("predict", "ridge", "houses.csv").stderr
    (model / "model" / HEAD).write_text((model / "model" / HEAD).read_text()[:-9])
    assert "not readable JSON" in foretell("predict", "model", "houses.csv").stderr
