"""Forgetting on real pixels, and what the report says of it."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import train_test_split

from foretell.numbers.bodies.convolution import Convolution
from foretell.numbers.bodies.mlp import MLP
from foretell.numbers.estimators.histogram_regressor import HistogramRegressor
from foretell.numbers.targets.mse import MSE
from foretell.numbers.unlearning.blindspot import Blindspot
from foretell.numbers.unlearning.figures import figures
from foretell.numbers.unlearning.fine_tune import FineTune
from foretell.numbers.unlearning.report import UnlearningReport
from foretell.numbers.unlearning.retrain import Retrain
from foretell.numbers.unlearning.unlearn import unlearn


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)  # noqa: N806
    X, X_test, y, y_test = train_test_split(X, y.astype(float), test_size=0.3, random_state=0, stratify=y)  # noqa: N806
    original = HistogramRegressor(
        body=Convolution(), target=MSE(), epochs=8, batch_size=32, validation_fraction=0, patience=0, random_state=0
    ).fit(X, y)
    methods = {"unlearned": Blindspot(blind_epochs=1), "fine-tune": FineTune(), "gold": Retrain()}
    models = {"original": original} | {name: unlearn(original, X, y, y <= 2, method, random_state=0) for name, method in methods.items()}
    return models, {"X": X, "y": y, "forget": y <= 2, "X_test": X_test, "y_test": y_test, "test_forget": y_test <= 2}


def report(digits, **changes):
    models, data = digits
    return UnlearningReport(**{"original": models["original"], "unlearned": models["unlearned"], "gold": models["gold"]} | data | changes)


def test_blindspot_forgets_digits(digits):
    models, data = digits
    found = figures(
        models, (data["X"], data["y"]), data["forget"], (data["X_test"], data["y_test"]), data["test_forget"], relearning_rate=0
    )
    original, tuned, blind, gold = (found["models"][name] for name in ("original", "fine-tune", "unlearned", "gold"))
    assert blind["wasserstein"] <= 0.6 * original["wasserstein"]
    assert blind["wasserstein"] < tuned["wasserstein"]
    assert blind["retain_mae"] <= 1.15 * original["retain_mae"]
    assert original["test_forget_mae"] < tuned["test_forget_mae"] < blind["test_forget_mae"] <= 1.05 * gold["test_forget_mae"]
    assert abs(blind["membership"] - gold["membership"]) < abs(original["membership"] - gold["membership"])
    assert found["memorised"] is True
    assert gold["wasserstein"] == 0


class Outside(HTMLParser):
    """What a page would fetch."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if name in {"src", "href"} and not value.startswith("#")]


def test_the_report_says_what_was_done_and_what_it_does_not_promise(digits, tmp_path):
    said = report(digits, method=Blindspot(blind_epochs=1), asked="all images of <0>, 1 and 2", relearning_rate=1e-3)
    text = said.text()
    assert f"{said.figures['rows']['forget']} of" in said.verdict
    assert f"{said.figures['models']['unlearned']['moved']:.0%} of the way" in said.verdict
    assert "approximate" in text
    assert "certified" not in text
    assert "learning rate 0.001" in text
    assert "batches" in text
    assert json.loads(said.to_json())["models"]["gold"]["anamnesis_index"] == 1
    said.write(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    headings = ["What was asked", "What was done", "How well it worked", "What it does not promise", "All figures"]
    assert [page.index(f"<h2>{heading}</h2>") for heading in headings] == sorted(page.index(f"<h2>{heading}</h2>") for heading in headings)
    assert page.count("<svg") == 4
    assert "&lt;0&gt;" in page
    assert "certified" not in page
    outside = Outside()
    outside.feed(page)
    assert outside.found == []


def test_without_a_retrained_model_nobody_can_say(digits, tmp_path):
    said = report(digits, gold=None, relearning_rate=0)
    assert "cannot be said" in said.verdict
    assert said.figures["memorised"] is None
    said.write(tmp_path / "report.html")
    assert "not known" in (tmp_path / "report.html").read_text()


def test_what_got_no_nearer_is_no_success(digits):
    models, _ = digits
    said = report(digits, unlearned=models["original"], relearning_rate=0)
    assert "did not work" in said.verdict
    assert "no nearer" in said.text()


def test_where_there_is_no_memory_no_success_is_claimed(rng):
    X = rng.standard_normal((2000, 3))  # noqa: N806
    y = X @ [1.0, 2.0, -1.0] + rng.standard_normal(2000)
    forget = np.arange(1000) < 50
    original = HistogramRegressor(body=MLP((8,)), target=MSE(), epochs=10, random_state=0).fit(X[:1000], y[:1000])
    made = [unlearn(original, X[:1000], y[:1000], forget, method, random_state=0) for method in ("blindspot", "retrain")]
    data = {"X": X[:1000], "y": y[:1000], "forget": forget, "X_test": X[1000:], "y_test": y[1000:], "relearning_rate": 0}
    said = UnlearningReport(original, *made, **data)
    assert "no measurable memorisation to remove" in said.verdict
    assert "of the way" not in said.text()


def test_memory_of_single_rows_is_seen(rng):
    """A forest knows the rows by heart; retraining it is the only method it can have."""
    X, y = rng.standard_normal((600, 3)), rng.standard_normal(600)  # noqa: N806
    forest = RandomForestRegressor(20, random_state=0).fit(X[:300], y[:300])
    forget = np.arange(300) < 40
    gold = unlearn(forest, X[:300], y[:300], forget, "retrain")
    data = {"X": X[:300], "y": y[:300], "forget": forget, "X_test": X[300:], "y_test": y[300:]}
    said = UnlearningReport(forest, gold, gold, method=Retrain(), **data)
    assert said.figures["memorised"] is True
    assert said.verdict.startswith("The model was trained anew without 40 of 300")
    assert said.figures["models"]["original"]["membership"] > 0.6 > said.figures["models"]["gold"]["membership"]
    assert "relearning" not in said.text()
