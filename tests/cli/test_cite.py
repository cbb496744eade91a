"""`foretell cite`: BibTeX of what is used."""

from __future__ import annotations

import json
import re

import pytest


def keys(text: str) -> list[str]:
    return re.findall(r"^@\w+\{([^,]+),$", text, re.MULTILINE)


def test_a_recipe_cites_all_its_parts(foretell):
    text = foretell("cite", "prompt-lookup > token-recycling, pace=4, temperature(0.7), top-p(0.9)").stdout
    assert keys(text) == [
        "cascade-drafting", "prompt-lookup-decoding", "inference-with-reference", "token-recycling", "rsd", "specinfer",
        "speculative-decoding", "boltzmann-machines", "nucleus-sampling",
    ]  # fmt: skip
    assert "% token-recycling: token-recycling\n" in text
    assert "% exact: rsd, specinfer, speculative-decoding\n" in text


def test_routers_and_constraints_are_cited_beside_a_recipe(foretell):
    text = foretell("cite", "plain, pace=4", "--router", "entropy-adaptive(0.5)", "--constraint", "asap(Regex('a+'))").stdout
    assert keys(text)[-3:] == ["entropy-adaptive", "grammar-aligned", "outlines"]


def test_a_recipe_file(foretell, tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text('[recipe]\ndrafter = "stand"\npace = 4\n')
    assert keys(foretell("cite", str(path)).stdout)[0] == "stand"


@pytest.mark.parametrize(
    ("what", "cited"),
    [
        ("stand", ["stand"]),
        ("k-seq", ["spectr"]),
        ("asap", ["grammar-aligned"]),
        ("hydra", ["hydra"]),
        ("Stop Regressing", ["hl-gauss"]),
        ("plain", []),
        ("histogram-regressor", ["hl-gauss", "calibration", "histogram-loss"]),
        ("olinear-forecaster", ["olinear", "revin"]),
    ],
)
def test_a_single_name_cites_itself(foretell, what, cited):
    result = foretell("cite", what)
    assert result.exit_code == 0, result.output
    assert keys(result.stdout) == cited


def test_json(foretell):
    found = json.loads(foretell("cite", "stand, pace=4", "--json").stdout)
    assert found["used"]["stand"] == ["stand"]
    assert [paper["name"] for paper in found["papers"]] == ["stand", "rsd", "specinfer", "speculative-decoding"]
    assert found["papers"][0]["bibtex"].startswith("@misc{stand,")
    assert found["entries"] == []


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("stnd", "there is no part, paper or model called 'stnd': did you mean 'stand'?"),
        ("stand, exct", "there is no part called 'exct': did you mean 'exact'?"),
        ("stdlib-nested", "'stdlib-nested' is a model, which no paper of the catalogue describes"),
    ],
)
def test_mistakes(foretell, what, message):
    result = foretell("cite", what)
    assert result.exit_code == 2
    assert message in result.stderr
