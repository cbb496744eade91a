"""`foretell list` and `foretell show`: what they read from the source is what the registry finds."""

from __future__ import annotations

import dataclasses
import inspect
import json

import pytest
from foretell.cli.common.catalog import NUMBERS, catalog, lookup, numbers

from foretell.catalog import ROOMS, parts
from foretell.cli.common.docstring import take_apart


@pytest.mark.parametrize("kind", ROOMS)
def test_the_catalog_agrees_with_the_registry(kind):
    found = {entry.name: entry for entry in catalog() if entry.kind == kind}
    assert list(found) == list(parts(kind))
    for name, cls in parts(kind).items():
        entry = found[name]
        assert entry.aliases == cls.aliases
        assert inspect.cleandoc(cls.__doc__ or "") == entry.doc
        assert [option[0] for option in entry.options] == [field.name for field in dataclasses.fields(cls)]
        for (_, _, default), field in zip(entry.options, dataclasses.fields(cls), strict=True):
            required = field.default is field.default_factory is dataclasses.MISSING
            assert (default is None) == required
        if hasattr(cls, "guarantee"):
            assert (entry.guarantee, entry.condition) == (cls.guarantee.kind, cls.guarantee.condition)


def test_the_catalog_agrees_with_the_registry_of_numbers():
    from foretell.numbers.registry import all_estimators, all_forecasters

    for kind, classes in zip(NUMBERS, (all_estimators(), all_forecasters()), strict=True):
        found = {entry.name: entry for entry in numbers() if entry.kind == kind}
        assert list(found) == list(classes)
        for name, cls in classes.items():
            assert found[name].doc == inspect.cleandoc(cls.__doc__ or "")
            assert {option for option, _, _ in found[name].options} == set(cls().get_params(deep=False))


@pytest.mark.parametrize("entry", numbers(), ids=lambda entry: entry.name)
def test_every_estimator_says_what_people_look_for(entry, foretell):
    assert entry.summary
    result = foretell("show", entry.name)
    assert result.exit_code == 0, result.output
    assert ("--estimator" in result.stdout) == (entry.kind == "estimator")


@pytest.mark.parametrize("entry", catalog(), ids=lambda entry: entry.name)
def test_every_part_says_what_people_look_for(entry, foretell):
    assert entry.summary
    labels = {label.lower() for key in take_apart(entry.doc).labelled for label in key.split(", ")}
    assert {"guarantee", "needs", "cost", "state"} <= labels
    result = foretell("show", entry.name)
    assert result.exit_code == 0, result.output
    assert entry.name in result.stdout


def test_list(foretell):
    everything = foretell("list").stdout
    assert all(entry.name in everything for entry in catalog())
    drafters = foretell("list", "drafter").stdout
    assert foretell("list", "drafters").stdout == drafters
    assert "prompt-lookup" in drafters
    assert "top-k" not in drafters


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
        (("show", "prompt-lokup"), "there is no part called 'prompt-lokup': did you mean 'prompt-lookup'?"),
        (("list", "draftr"), "KIND='draftr' is not a kind of part: did you mean 'drafter'?"),
    ],
)
def test_unknown_names_get_the_nearest(foretell, args, says):
    result = foretell(*args)
    assert (result.exit_code, result.stderr) == (2, f"error: {says}\n")


def test_aliases_are_looked_up():
    assert lookup("cost").name == "never-slower"
