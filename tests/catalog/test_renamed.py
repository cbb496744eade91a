"""Recipes, files and saved models of earlier versions are read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from foretell import catalog
from foretell.catalog import KINDS, find, renamed
from foretell.catalog.part_text import parse_part
from foretell.decoding.recipe import Recipe
from foretell.parts import UnknownNameError

EARLIER = Path(__file__).parent / "earlier"
#: Every part of version 0.1 as its examples wrote it, and its aliases.
TEXTS = [line.split("\t", 1) for line in (EARLIER / "texts_0_1.tsv").read_text(encoding="utf-8").splitlines()]
#: Estimators and forecasters that version 0.1 saved, and what they predicted then.
MODELS = json.loads((EARLIER / "models_0_1" / "predictions.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("kind", "text"), TEXTS)
def test_texts_of_version_0_1_are_read(kind, text, tmp_path):
    parse_part(text, kind)
    if kind in ("drafter", "verifier", "pace"):
        path = tmp_path / "recipe.toml"
        path.write_text(f"[recipe]\n{kind} = {json.dumps(text)}\n", encoding="utf-8")
        Recipe.read(path)


@pytest.mark.parametrize("name", MODELS)
def test_models_of_version_0_1_predict_the_same(name):
    np = pytest.importorskip("numpy")
    pd = pytest.importorskip("pandas")
    pytest.importorskip("sklearn")
    from foretell.numbers.saving import load

    model = load(EARLIER / "models_0_1" / name)
    rng = np.random.RandomState(0)
    rows = rng.normal(size=(60, 3))[:3]
    if name == "table-regressor":
        rows = pd.DataFrame({"a": rows[:, 0], "b": rows[:, 1], "c": np.where(rows[:, 2] > 0, "up", "down")})
    answer = getattr(model, "predict", None) or model.transform
    said = answer() if hasattr(model, "horizon") else answer(rows)
    np.testing.assert_allclose(said, MODELS[name], rtol=1e-5, atol=1e-6)


def test_renamed_things_exist():
    for kind, names in renamed.PARTS.items():
        for old, new in names.items():
            assert find(new, kind).name == new
            assert find(old, kind).name == new
    options = {entry.class_name: [name for name, _, _ in entry.options] for kind in KINDS for entry in catalog.entries(kind)}
    for cls, names in renamed.OPTIONS.items():
        assert set(names.values()) <= set(options[cls]), f"{cls} has no such options"
    for new in renamed.CLASSES.values():
        home, _, cls = new.partition(":")
        assert any(each.name == cls for each in catalog.source.classes_of(f"foretell.numbers.{home}"))


@pytest.fixture
def renames(monkeypatch):
    monkeypatch.setitem(renamed.PARTS, "drafter", {"copy": "prompt-lookup"})
    monkeypatch.setitem(renamed.OPTIONS, "PromptLookup", {"length": "num_tokens"})


@pytest.mark.usefixtures("renames")
def test_old_names_mean_the_present_parts_and_options():
    assert Recipe.parse("copy(length=7) > plain") == Recipe.parse("prompt-lookup(num_tokens=7) > plain")
    assert str(Recipe.parse("copy")).startswith("prompt-lookup")
    with pytest.raises(ValueError, match="num_tokens is given twice"):
        Recipe.parse("copy(length=7, num_tokens=7)")
    with pytest.raises(UnknownNameError, match="no verifier called 'copy'"):
        find("copy", "verifier")


def test_old_names_in_saved_models(monkeypatch, tmp_path):
    pytest.importorskip("sklearn")
    from foretell.numbers import HistogramRegressor
    from foretell.numbers.storage import EstimatorReader, EstimatorWriter
    from foretell.numbers.targets.hl_gauss import HLGauss

    written = EstimatorWriter().write_object(HistogramRegressor(target=HLGauss(sigma_to_bin=0.5)), "model")
    text = json.dumps(written).replace("targets.hl_gauss:HLGauss", "goals.gauss:Gauss").replace("sigma_to_bin", "spread")
    text = text.replace('"histogram-regressor"', '"histogram"')
    monkeypatch.setitem(renamed.PARTS, "estimator", {"histogram": "histogram-regressor"})
    monkeypatch.setitem(renamed.CLASSES, "goals.gauss:Gauss", "targets.hl_gauss:HLGauss")
    monkeypatch.setitem(renamed.OPTIONS, "HLGauss", {"spread": "sigma_to_bin"})
    read = EstimatorReader({}).read(json.loads(text))
    assert (type(read), read.target.sigma_to_bin) == (HistogramRegressor, 0.5)
