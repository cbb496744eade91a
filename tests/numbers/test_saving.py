"""Saving and loading: to the last bit for everything that discovery finds, and an error that says what is wrong otherwise."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.exceptions import NotFittedError
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import HuberRegressor, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler
from sklearn.svm import SVR

from foretell.errors import UserError
from foretell.files import FileWriteError
from foretell.models.base import Model
from foretell.numbers import HistogramRegressor, all_estimators, all_forecasters, saving
from foretell.numbers.estimators.conformal_regressor import ConformalRegressor
from foretell.numbers.saving import ARRAYS, HEAD, load, save
from foretell.numbers.sklearn_bytes import from_sklearn_bytes
from foretell.numbers.storage import SKLEARN, class_called


def holds_a_language_model(example):
    return any(isinstance(value, Model) for value in example.get_params(deep=False).values())


EXAMPLES = [(name, example) for name, cls in all_estimators().items() for example in cls.examples()]
ESTIMATORS = [(name, example) for name, example in EXAMPLES if not holds_a_language_model(example)]
FORECASTERS = [(name, example) for name, cls in all_forecasters().items() for example in cls.examples()]


def outcome(fitted, method, *inputs):
    """What it gives, or why it gives nothing: not every setting has a distribution to take intervals from."""
    try:
        return getattr(fitted, method)(*inputs)
    except ValueError as error:
        return str(error)


def halves(distances):
    """A function of the user's."""
    return np.full_like(distances, 0.5)


def ids(cases):
    return [f"{name}-{i}" for i, (name, _) in enumerate(cases)]


@pytest.fixture
def fitted(rng):
    x = rng.standard_normal((30, 3))
    return make_pipeline(StandardScaler(), Ridge()).fit(x, x[:, 0]), x


@pytest.mark.parametrize(("name", "example"), ESTIMATORS, ids=ids(ESTIMATORS))
def test_every_estimator_predicts_the_same_after_loading(name, example, rng, tmp_path):
    x = rng.standard_normal((60, 4))
    y = x @ np.array([1.0, -2.0, 0.5, 0.0]) + 0.1 * rng.standard_normal(60)
    fitted = example.fit(x, y)
    loaded = load(save(fitted, tmp_path / "model"))
    assert type(loaded) is type(fitted)
    assert repr(loaded) == repr(fitted)
    for method in ("predict", "transform", "predict_interval"):
        if hasattr(fitted, method):
            np.testing.assert_array_equal(outcome(loaded, method, x), outcome(fitted, method, x))


def test_a_language_model_is_named_and_not_stored(rng, tmp_path):
    """What holds one is refused; with the model's name in its place it is stored."""
    x = rng.standard_normal((20, 2)).round(1)
    examples = [example for _, example in EXAMPLES if holds_a_language_model(example)]
    assert examples
    for example in examples:
        with pytest.raises(ValueError, match=r"\.model is a foretell\.models.*; fit with the model's id or path instead"):
            save(example.fit(x, x[:, 0]), tmp_path / "model")
        named = clone(example).set_params(model="some/model").fit(x, x[:, 0])
        loaded = load(save(named, tmp_path / "model"))
        assert repr(loaded) == repr(named)
        assert loaded.prompts(x) == named.prompts(x)


@pytest.mark.parametrize(("name", "example"), FORECASTERS, ids=ids(FORECASTERS))
def test_every_forecaster_predicts_the_same_after_loading(name, example, tmp_path):
    rows = 3 + np.sin(np.arange(120.0) / 3)[:, None] + 0.1 * np.random.RandomState(0).standard_normal((120, 2))
    fitted = example.fit(rows)
    loaded = load(save(fitted, tmp_path / "model"))
    for method in ("predict", "predict_interval"):
        if hasattr(fitted, method):
            np.testing.assert_array_equal(outcome(loaded, method), outcome(fitted, method))


SMALL = {
    "Pipeline": lambda cls: cls([("scale", StandardScaler()), ("ridge", Ridge())]),
    "ColumnTransformer": lambda cls: cls([("a", StandardScaler(), [0]), ("b", "passthrough", slice(1, 3))]),
    "TransformedTargetRegressor": lambda cls: cls(Ridge(), transformer=StandardScaler()),
}


@pytest.mark.parametrize("name", SKLEARN)
def test_every_class_of_scikit_learn_on_the_list(name, rng, tmp_path):
    x = rng.standard_normal((30, 3)).round(1)
    cls = class_called(f"sklearn:{name}")
    fitted = SMALL.get(name, lambda cls: cls())(cls).fit(x, x[:, 0])
    loaded = load(save(fitted, tmp_path / "model"))
    method = "predict" if hasattr(fitted, "predict") else "transform"
    found, expected = (getattr(each, method)(x) for each in (loaded, fitted))
    np.testing.assert_array_equal(*(each.toarray() if hasattr(each, "toarray") else each for each in (found, expected)))


def test_another_device_may_be_named(rng, tmp_path):
    x = rng.standard_normal((20, 2))
    fitted = HistogramRegressor(epochs=1).fit(x, x[:, 0])
    assert load(save(fitted, tmp_path / "model"), device="cpu:0").device == "cpu:0"
    with pytest.raises(ValueError, match=r"cannot be read \(saved by Foretell"):
        load(tmp_path / "model", device="no-such-device")


def test_mixed_columns_of_a_table(tmp_path):
    frame = pd.DataFrame({"size": [1.0, 2.0, np.nan, 4.0], "colour": ["red", "blue", "red", None], "rooms": [1, 2, 3, 4]})
    encode = ColumnTransformer(
        [("numbers", SimpleImputer(), ["size"]), ("words", OneHotEncoder(handle_unknown="ignore"), ["colour"])], remainder="passthrough"
    )
    fitted = Pipeline([("encode", encode), ("ridge", Ridge())]).fit(frame, [1.0, 2.0, 3.0, 4.0])
    loaded = load(save(fitted, tmp_path / "model"))
    np.testing.assert_array_equal(loaded.predict(frame), fitted.predict(frame))
    assert list(loaded.feature_names_in_) == ["size", "colour", "rooms"]


def test_a_matrix_keeps_its_order_in_memory(rng, tmp_path):
    x = rng.standard_normal((30, 3))
    fitted = Ridge().fit(x, x[:, :2])
    fitted.coef_ = np.asfortranarray(fitted.coef_)
    loaded = load(save(fitted, tmp_path / "model"))
    assert loaded.coef_.flags.f_contiguous
    np.testing.assert_array_equal(loaded.predict(x), fitted.predict(x))


def test_an_existing_model_is_replaced_as_a_whole_or_kept(fitted, tmp_path, monkeypatch):
    model, x = fitted
    folder = tmp_path / "model"
    save(model, folder)
    save(Ridge(alpha=5.0).fit(x, x[:, 1]), folder)
    assert load(folder).alpha == 5.0
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def fails(*args, **options):
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(saving.Path, "write_text", fails)
        with pytest.raises(FileWriteError, match="the disk is full"):
            save(model, folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_folder_of_something_else_is_not_touched(fitted, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds no saved estimator"):
        save(fitted[0], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_not_fitted(tmp_path):
    with pytest.raises(NotFittedError, match="Ridge is not fitted; call fit before save"):
        save(Ridge(), tmp_path / "model")
    assert not (tmp_path / "model").exists()


def edit(folder, **changes):
    head = json.loads((folder / HEAD).read_text())
    (folder / HEAD).write_text(json.dumps({**head, **changes}))


def cut(name, keep):
    def damage(folder):
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: int(keep * len(data))])

    return damage


def flip(folder):
    data = bytearray((folder / ARRAYS).read_bytes())
    data[-1] ^= 1
    (folder / ARRAYS).write_bytes(bytes(data))


def other_setting(folder):
    (folder / HEAD).write_text((folder / HEAD).read_text().replace('"alpha": 1.0', '"alpha": 2.0'))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut(HEAD, 0.7), "estimator.json: not readable JSON"),
        (cut(ARRAYS, 0.7), "arrays.safetensors was cut or changed"),
        (cut(ARRAYS, 0), "arrays.safetensors was cut or changed"),
        (flip, "arrays.safetensors was cut or changed"),
        (other_setting, "estimator.json was changed since it was saved"),
        (lambda folder: (folder / ARRAYS).unlink(), "arrays.safetensors is missing"),
        (lambda folder: (folder / HEAD).unlink(), "estimator.json is missing"),
        (lambda folder: (folder / HEAD).write_text("[1]"), "holds a list where an object should be"),
        (lambda folder: edit(folder, format=99, foretell="9.0"), "has format 99, here is 1: it was saved by Foretell 9.0; upgrade"),
        (lambda folder: edit(folder, estimator={}), "was changed since"),
        (lambda folder: edit(folder, estimator=float("nan")), "was changed since"),
        (lambda folder: edit(folder, checksums=[1]), "checksums: holds a list where an object should be"),
    ],
)
def test_a_damaged_folder_says_what_is_wrong(fitted, tmp_path, damage, message):
    folder = save(fitted[0], tmp_path / "model")
    damage(folder)
    with pytest.raises(ValueError, match=message):
        load(folder)


@pytest.mark.parametrize("name", ["no-such-regressor", "os:system", "component:np", "sklearn:SVR", "..os:path", "storage:EstimatorWriter"])
def test_only_known_classes_are_made(fitted, tmp_path, name):
    folder = save(fitted[0], tmp_path / "model")
    written = {"class": name, "settings": {}, "learnt": {}}
    sums = json.loads((folder / HEAD).read_text())["checksums"]
    edit(folder, estimator=written, checksums={**sums, "estimator": saving._checksum(saving._canonical(written))})
    with pytest.raises(ValueError, match=f"there is no class '{name}' here"):
        load(folder)


def test_what_is_no_folder(tmp_path):
    with pytest.raises(ValueError, match="is not a folder; give one that"):
        load(tmp_path / "absent")


class Mine(BaseEstimator):
    pass


def test_what_cannot_be_stored_is_named(fitted, tmp_path):
    model, x = fitted
    strange = KNeighborsRegressor(3, weights=halves).fit(x, x[:, 0])
    with pytest.raises(UserError, match=r"KNeighborsRegressor is a KNeighborsRegressor that .*halves.*; pickle the estimator"):
        save(strange, tmp_path / "model")
    model.steps[1][1].note_ = {"mine": [Mine()]}
    with pytest.raises(ValueError, match=r"Pipeline\.steps\[1\]\[1\]\.note_\['mine'\]\[0\] is a .*Mine, which cannot be stored"):
        save(model, tmp_path / "model")
    model.steps[1][1].note_ = np.array([1j])
    with pytest.raises(ValueError, match=r"note_ is a numpy\.ndarray of complex128"):
        save(model, tmp_path / "model")


@pytest.mark.parametrize(
    "regressor",
    [
        HistGradientBoostingRegressor(max_iter=3),
        RandomForestRegressor(3, random_state=0),
        GradientBoostingRegressor(n_estimators=3),
        KNeighborsRegressor(3),
        SVR(),
        MLPRegressor(hidden_layer_sizes=(3,), max_iter=3),
        GaussianProcessRegressor(),
        HuberRegressor(),
        GridSearchCV(Ridge(), {"alpha": [1.0, 2.0]}, cv=2),
        make_pipeline(PolynomialFeatures(), ConformalRegressor(HistGradientBoostingRegressor(max_iter=3), coverage=0.5, random_state=0)),
    ],
    ids=lambda made: type(made).__name__,
)
@pytest.mark.filterwarnings("ignore")
def test_regressors_of_scikit_learn(regressor, rng, tmp_path):
    x = rng.standard_normal((40, 3))
    fitted = clone(regressor).fit(x, x[:, 0])
    np.testing.assert_array_equal(load(save(fitted, tmp_path / "model")).predict(x), fitted.predict(x))


def test_bytes_that_name_other_classes_are_refused():
    import skops.io

    with pytest.raises(UserError, match=r"it names .*Mine, which are no parts of scikit-learn's estimators"):
        from_sklearn_bytes(skops.io.dumps(Mine()))


def test_another_scikit_learn_is_said(fitted, tmp_path):
    folder = save(fitted[0], tmp_path / "model")
    edit(folder, **{"scikit-learn": "0.1"})
    with pytest.warns(UserWarning, match="was saved with scikit-learn 0.1"):
        load(folder)


def test_numbers_of_all_kinds(fitted, tmp_path):
    model, _ = fitted
    kept = {"nan": float("nan"), 3: (1, [2.5, None, "x"]), "half": np.float16(0.1), "empty": np.zeros((0, 2)), "flag": np.bool_(True)}
    model.steps[0][1].kept_ = kept
    found = load(save(model, tmp_path / "model")).steps[0][1].kept_
    assert np.isnan(found.pop("nan"))
    assert (found[3], found["half"], found["flag"], found["empty"].shape) == (kept[3], kept["half"], kept["flag"], (0, 2))
    assert type(found["half"]) is np.float16


@pytest.mark.parametrize(("name", "method"), [("encoder", "transform"), ("fine-tuned", "predict"), ("olinear", "predict")])
def test_models_of_version_0_1_whose_parts_have_other_names_now(name, method):
    """Pairs joined by +, and windows in no basis at all: classes that were called Both and Identity."""
    folder = Path(__file__).parent / "saved_0_1"
    expected = json.loads((folder / "expected.json").read_text())
    model = load(folder / name)
    answer = getattr(model, method)(*([] if name == "olinear" else [np.array(expected["X"])]))
    np.testing.assert_allclose(answer, expected["outputs"][name], rtol=1e-5, atol=1e-6)
    if name == "olinear":
        assert type(model.basis).__name__ == "IdentityBasis"
    if name == "encoder":
        assert type(model.pairs).__name__ == "JoinedPairs"
