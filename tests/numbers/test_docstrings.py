"""Every public definition of numbers and training has a docstring, its own or that of the method it overrides."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re

import pytest

import foretell.numbers
import foretell.training

MODULES = [
    info.name for room in (foretell.numbers, foretell.training) for info in pkgutil.walk_packages(room.__path__, f"{room.__name__}.")
]


def definitions(name):
    """(qualified name, object) of public functions, classes and their own methods and properties."""
    module = importlib.import_module(name)
    for each in vars(module).values():
        if getattr(each, "__module__", None) != name or each.__name__.startswith("_") or not callable(each):
            continue
        yield each.__name__, each
        if inspect.isclass(each):
            for attribute, value in vars(each).items():
                if not attribute.startswith("_") and (
                    inspect.isfunction(value) or isinstance(value, property | classmethod | staticmethod)
                ):
                    yield f"{each.__name__}.{attribute}", getattr(each, attribute)


@pytest.mark.parametrize("name", MODULES)
def test_every_public_definition_is_documented(name):
    assert importlib.import_module(name).__doc__
    bare = [qualified for qualified, each in definitions(name) if not inspect.getdoc(each)]
    assert bare == []


@pytest.mark.parametrize("name", MODULES)
def test_probabilities_are_called_distributions(name):
    source = inspect.getsource(importlib.import_module(name))
    assert re.findall(r".*(?<![\w-])laws?\b.*", source) == []
