"""SupReMix: digits in order, what its settings and data may be, and what scikit-learn's tools make of it."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline

from foretell.numbers.bodies.convolution import Convolution
from foretell.numbers.bodies.mlp import MLP
from foretell.numbers.bodies.pretrained import Pretrained
from foretell.numbers.contrastive.ordinality import ordinality
from foretell.numbers.contrastive.pairs.mix_neg import MixNeg
from foretell.numbers.contrastive.pairs.mix_pos import MixPos
from foretell.numbers.contrastive.pairs.real import Real
from foretell.numbers.contrastive.views import ImageShifts
from foretell.numbers.contrastive.weights import Distance, Even
from foretell.numbers.estimators.histogram_regressor import HistogramRegressor
from foretell.numbers.estimators.supremix_encoder import SupReMixEncoder
from foretell.numbers.estimators.supremix_regressor import SupReMixRegressor
from foretell.numbers.input_spec import flat
from foretell.numbers.saving import load, save
from foretell.numbers.targets.l1 import L1


def small(**settings) -> SupReMixEncoder:
    return SupReMixEncoder(**{"body": MLP((16,)), "dimension": 8, "epochs": 2, "random_state": 0, **settings})


@pytest.fixture
def table(rng) -> tuple[np.ndarray, np.ndarray]:
    X = rng.standard_normal((90, 3))  # noqa: N806
    return X, X[:, 0] + 0.1 * rng.standard_normal(90)


def test_digits_are_put_in_order():
    """600 digits, 10 epochs: pixels know no order, supervised contrastive learning little, mixtures more; on rows not learnt from."""
    X, y = load_digits(return_X_y=True)  # noqa: N806
    X, y, new, truth = X[:600], y[:600].astype(float), X[600:1100], y[600:1100].astype(float)  # noqa: N806
    settings = {"body": Convolution(), "views": ImageShifts(), "epochs": 10, "learning_rate": 1e-2, "dimension": 128}
    supremix, supcon = small(**settings), small(**settings, pairs=Real(), weight=Even())
    order = [ordinality(encoder.fit(X, y).transform(new), truth).spearman for encoder in (supremix, supcon)]
    assert order[0] > order[1] + 0.1
    assert order[1] > 0
    assert order[0] > ordinality(new, truth).spearman + 0.2


def test_embeddings_have_unit_length_and_do_not_depend_on_the_unit_of_targets(table):
    X, y = table  # noqa: N806
    embeddings = small().fit(X, y).transform(X)
    assert embeddings.shape == (90, 8)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(small().fit(X, 1000 * y + 7).transform(X), embeddings, atol=1e-4)
    np.testing.assert_array_equal(small().fit(X, y).transform(X), embeddings)
    assert np.abs(small(random_state=1).fit(X, y).transform(X) - embeddings).max() > 0.01


def test_loss_of_both_views_is_taken_batch_by_batch(table):
    """Held-out rows are as many as they are; the loss of each depends on whom it is compared with, at most a batch."""
    encoder = small(batch_size=30, views=None).fit(*table)
    inputs, labels = encoder._inputs(table[0]), encoder._encode(table[1])
    torch.manual_seed(0)
    together = encoder._row_losses(encoder.network_, inputs, labels)
    torch.manual_seed(0)
    apart = torch.cat([encoder._row_losses(encoder.network_, *part) for part in zip(inputs.split(30), labels.split(30), strict=True)])
    torch.testing.assert_close(together, apart)
    assert together.shape == (90,)
    assert small(batch_size=30, validation_fraction=0.5).fit(*table).report_["best"][1] > 0


def test_output_body_is_what_fine_tuning_starts_from(table, tmp_path):
    X, y = table  # noqa: N806
    encoder = small().fit(X, y)
    embeddings = encoder.transform(X)
    body = encoder.set_params(output="body").transform(X)
    assert body.shape == (90, 16)
    assert len(encoder.get_feature_names_out()) == 16
    projected = body @ encoder.network_[1].weight.detach().double().numpy().T + encoder.network_[1].bias.detach().double().numpy()
    np.testing.assert_allclose(projected / np.linalg.norm(projected, axis=1, keepdims=True), embeddings, atol=1e-9)
    tuned = HistogramRegressor(body=Pretrained(FrozenEstimator(encoder)), target=L1(), epochs=1, learning_rate=1e-7, random_state=0)
    start = clone(tuned).fit(X, y)
    np.testing.assert_allclose(start.network_[0](start._inputs(X)).detach().numpy(), body, atol=1e-3)
    within = SupReMixRegressor(small(), tuned.set_params(body=Pretrained())).fit(X, y)
    np.testing.assert_allclose(within.predict(X), start.predict(X), atol=1e-6)
    np.testing.assert_array_equal(load(save(within, tmp_path / "model")).predict(X), within.predict(X))
    assert within.regressor_ is not within.regressor
    with pytest.raises(ValueError, match="encoder=None must be a fitted encoder, except within SupReMixRegressor"):
        clone(tuned).fit(X, y)
    tuned.set_params(body=Pretrained(FrozenEstimator(encoder)))
    with pytest.raises(ValueError, match=r"was fitted on numbers \(3,\), not on numbers \(2,\)"):
        clone(tuned).fit(X[:, :2], y)
    with pytest.raises(NotFittedError, match="FrozenEstimator"):
        Pretrained(small()).build(flat(3))
    with pytest.raises(ValueError, match="output='rows' must be one of embedding, body"):
        small(output="rows").fit(X, y)


def test_a_last_batch_of_one_row_does_no_harm(table):
    X, y = table  # noqa: N806
    assert np.isfinite(small(batch_size=89).fit(X, y).transform(X)).all()
    encoder = small().fit(X, y)
    network = encoder.network_.train()
    loss = encoder._row_losses(network, encoder._inputs(X[:1]), encoder._encode(y[:1])).sum()
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


def test_weights_of_rows_count(table):
    X, y = table  # noqa: N806
    weight = np.where(y > 0, 1.0, 0.01)
    plain, weighted = small().fit(X, y), small().fit(X, y, sample_weight=weight)
    assert np.abs(plain.transform(X) - weighted.transform(X)).max() > 1e-3
    np.testing.assert_allclose(small().fit(X, y, sample_weight=np.full(90, 3.0)).transform(X), plain.transform(X), atol=1e-5)
    assert SupReMixRegressor(small()).fit(X, y, sample_weight=weight).predict(X).shape == (90,)


def test_one_warning_where_no_batch_has_mixed_positives(table):
    X, _ = table  # noqa: N806
    y = np.repeat([0.0, 1.0, 3.0], 30)  # a window of the least distance: 1 has nobody above it
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        encoder = small(epochs=3, pairs=Real() + MixPos(window=0.2)).fit(X, y)
    assert [str(each.message) for each in caught] == [
        "SupReMixEncoder: a batch has no two rows around a third within window=0.2; it is learnt from real pairs"
    ]
    assert np.isfinite(encoder.transform(X)).all()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"temperature": 0.0}, r"temperature=0\.0 must be above 0"),
        ({"temperature": -0.3}, r"temperature=-0\.3 must"),
        ({"batch_size": 1}, "batch_size=1 must be at least 3"),
        ({"dimension": 0}, "dimension=0 must"),
        ({"extra": -1.0}, r"extra=-1\.0 must"),
        ({"pairs": Real() + MixPos(window=0.0)}, r"MixPos: window=0\.0 must"),
        ({"pairs": Real() + MixNeg(beta=(0.0, 1.0))}, "MixNeg: beta="),
        ({"weight": Distance(-1.0)}, r"factor=-1\.0 must"),
    ],
)
def test_bad_settings(table, settings, says):
    with pytest.raises(ValueError, match=says):
        small(**settings).fit(*table)


@pytest.mark.parametrize("make", [small, lambda: SupReMixRegressor(small())], ids=["encoder", "regressor"])
@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda x, y: (x, np.full(len(y), 2.5)), r"y is .*2\.5.* in all 90 rows"),
        (lambda x, y: (x, np.where(y > 1, np.nan, y)), "NaN"),
        (lambda x, y: (x, np.where(y > 1, np.inf, y)), "infinity"),
        (lambda x, y: (np.where(x > 2, np.nan, x), y), "NaN"),
        (lambda x, y: (x.astype(str) + "a", y), "bytes/strings"),
        (lambda x, y: (x, np.stack([y, y], axis=1)), r"\(90, 2\)|2 columns"),
        (lambda x, y: (x[:1], y[:1]), "minimum of"),
        (lambda x, y: (x, None), "requires y|y cannot be None"),
    ],
    ids=["constant", "nan-y", "inf-y", "nan-x", "strings", "two-targets", "one-row", "no-y"],
)
def test_bad_data(table, make, change, says):
    with pytest.raises(ValueError, match=says):
        make().fit(*change(*table))


def test_two_different_targets_are_warned_of(table):
    X, y = table  # noqa: N806
    with pytest.warns(UserWarning, match="y has 2 different values"):
        small().fit(X, np.sign(y))


def test_more_columns_than_rows(rng):
    X, y = rng.standard_normal((12, 40)), rng.standard_normal(12)  # noqa: N806
    assert np.isfinite(SupReMixRegressor(small()).fit(X, y).predict(X)).all()


def test_frames_keep_their_names(table):
    frame = pd.DataFrame(table[0], columns=["a", "b", "c"])
    encoder = small().set_output(transform="pandas").fit(frame, table[1])
    found = encoder.transform(frame)
    assert list(found.columns) == [f"supremixencoder{i}" for i in range(8)] == list(encoder.get_feature_names_out())
    assert list(encoder.feature_names_in_) == ["a", "b", "c"]
    polars = pytest.importorskip("polars").DataFrame({name: frame[name].to_numpy() for name in frame})
    np.testing.assert_array_equal(encoder.transform(polars).to_numpy(), found.to_numpy())
    regressor = SupReMixRegressor(small()).fit(polars, table[1])
    assert list(regressor.feature_names_in_) == ["a", "b", "c"]
    with pytest.raises(ValueError, match="feature names"):
        regressor.predict(frame.rename(columns={"a": "z"}))


def test_any_regressor_goes_on_top_and_a_grid_reaches_the_parts(table):
    X, y = table  # noqa: N806
    near = SupReMixRegressor(small(epochs=20), KNeighborsRegressor(3)).fit(X, y)
    assert near.score(X, y) > 0.5
    np.testing.assert_array_equal(near.predict(X), make_pipeline(small(epochs=20), KNeighborsRegressor(3)).fit(X, y).predict(X))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(near)).predict(X), near.predict(X))
    encoder = small(pairs=Real() + MixPos(), weight=Distance())
    grid = {"encoder__pairs__second__window": [0.1, 0.5], "encoder__weight__factor": [2.0]}
    search = GridSearchCV(SupReMixRegressor(encoder), grid, cv=2).fit(X, y)
    assert search.best_estimator_.encoder_.weight.factor == 2.0
    assert clone(encoder).pairs.second.window == 0.2
    assert encoder.weight.factor == 3.0
