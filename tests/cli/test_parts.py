"""`foretell list` and `foretell show`: parts, papers and models by name or title."""

from __future__ import annotations

import json

import pytest

from foretell.catalog import DECODING, KINDS, entries
from foretell.catalog.papers import papers
from foretell.cli.common.docstring import take_apart
from foretell.cli.common.lookup import ModelCard, look_up, models

LISTED = [entry for kind in KINDS for entry in entries(kind) if kind not in ("component", "peer")]
SYSTEMS = [paper for paper in papers().values() if paper.system]


@pytest.mark.parametrize("entry", LISTED, ids=lambda entry: f"{entry.kind}-{entry.name}")
def test_every_part_says_what_people_look_for(entry, foretell):
    labels = {label.lower() for key in take_apart(entry.doc).labelled for label in key.split(", ")}
    assert {"guarantee", "needs", "cost", "state"} <= labels or entry.kind not in DECODING
    result = foretell("show", entry.name)
    assert result.exit_code == 0, result.output
    assert entry.name in result.stdout
    assert ("--estimator" in result.stdout) == (entry.kind == "estimator")


@pytest.mark.parametrize("paper", SYSTEMS, ids=lambda paper: paper.name)
def test_every_system_is_shown_by_its_short_name_and_title(paper, foretell):
    """Its parts, or plainly that there are none yet."""
    for text in (paper.name, paper.title):
        result = foretell("show", text, "--json")
        assert result.exit_code == 0, result.output
        found = json.loads(result.stdout)
        assert paper.name in (found["name"], *found["papers"]) if found["kind"] != "paper" else found["name"] == paper.name
    is_here = any(paper.name in entry.papers for kind in KINDS for entry in entries(kind)) or paper.code
    assert ("not implemented in this version" in foretell("show", paper.title).stdout) != bool(is_here)


def test_list(foretell):
    everything = foretell("list").stdout
    assert all(entry.name in everything for entry in LISTED)
    drafters = foretell("list", "drafter").stdout
    assert foretell("list", "drafters").stdout == drafters
    assert "prompt-lookup" in drafters
    assert "top-k" not in drafters
    assert "hl-gauss" in foretell("list", "component").stdout
    assert "stdlib-nested" in foretell("list", "models").stdout


def test_list_papers(foretell):
    rows = {row["name"]: row for row in json.loads(foretell("list", "paper", "--json").stdout)}
    assert rows["rsd"]["parts"] == ["draft-model", "stochastic-beam", "exact", "recursive-rejection"]
    assert rows["hydra"]["parts"] == []
    shown = foretell("list", "papers").stdout
    assert "not yet" in shown
    assert "here" in shown


def test_show(foretell):
    text = foretell("show", "prompt-lookup").stdout
    for word in ("a drafter", "guarantee", "exact under any verifier", "Saxena", "max_ngram", "prompt_lookup.py", ">>>"):
        assert word in text
    assert foretell("show", "cost").stdout == foretell("show", "never-slower").stdout
    found = json.loads(foretell("show", "never-slower", "--json").stdout)
    assert "trust" in found["options"]
    assert found["labelled"]["Needs"] == "the cost curve."


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("show", "prompt-lokup"), "there is no part, paper or model called 'prompt-lokup': did you mean 'prompt-lookup'?"),
        (("show", "stop regresing"), "there is no part, paper or model called 'stop regresing': did you mean 'hl-gauss'?"),
        (("list", "draftr"), "KIND='draftr' is not a kind of part: did you mean 'drafter'?"),
    ],
)
def test_unknown_names_get_the_nearest(foretell, args, says):
    result = foretell(*args)
    assert (result.exit_code, result.stderr) == (2, f"error: {says}\n")


def test_show_a_paper(foretell):
    text = foretell("show", "rsd").stdout
    for word in (
        "a paper",
        "Jeon",
        "arXiv 2402.14160",
        "implemented here by",
        "stochastic-beam",
        "claim",
        "benchmarks/rsd.py",
        "foretell cite rsd",
    ):
        assert word in text
    part = foretell("show", "stand").stdout
    assert "a drafter" in part
    assert "later answers" in part.lower()


def test_what_a_name_means():
    assert look_up("cost").name == "never-slower"
    assert look_up("del").title.startswith("DEL: ")  # the paper, which is also the pace's alias
    assert look_up("HLGauss").kind == "component"
    assert isinstance(look_up("stdlib-nested"), ModelCard)
    assert models()["stdlib-nested"].summary
