"""Classes read from source."""

from __future__ import annotations

import ast
import sys

import pytest

from foretell.catalog import source
from foretell.catalog.source import ClassSource, classes_of

BASES = """
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

T = TypeVar("T")


@dataclass
class Contract(ABC, Generic[T]):
    size: int = 1
    word: ClassVar[str] = "none"

    @abstractmethod
    def work(self): ...
"""
PARTS = '''
import fractions
import readable.bases as b
from dataclasses import dataclass, field
from readable.bases import Contract
from sklearn.base import BaseEstimator


class Half(Contract[int]):
    """Abstract still."""


@dataclass
class Whole(b.Contract[str], BaseEstimator):
    word = "some"
    depth: int
    names: list = field(default_factory=list)
    size: int = 3

    def work(self): ...


class Number(fractions.Fraction): ...
'''


@pytest.fixture
def classes(tmp_path, monkeypatch) -> dict[str, ClassSource]:
    folder = tmp_path / "readable"
    folder.mkdir()
    for name, text in (("__init__", ""), ("bases", BASES), ("parts", PARTS)):
        (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield {cls.name: cls for cls in classes_of("readable.parts")}
    for cached in (source.path, source.resolve, source.tree):
        cached.cache_clear()


def test_ancestors_are_followed_through_imports_and_type_arguments(classes):
    assert [cls.name for cls in classes["Whole"].lineage] == ["Whole", "Contract"]
    assert classes["Half"].ancestors == {"readable.bases.Contract", "abc.ABC", "typing.Generic"}
    assert "sklearn.base.BaseEstimator" in classes["Whole"].ancestors
    assert classes["Number"].ancestors == {"fractions.Fraction"}
    assert "readable" not in sys.modules


def test_a_class_is_final_where_no_method_is_abstract(classes):
    assert (classes["Half"].is_final, classes["Whole"].is_final) == (False, True)


def test_attributes_and_options(classes):
    whole = classes["Whole"]
    assert ast.unparse(whole.attribute("word")) == "'some'"
    assert (whole.literal("word", ""), classes["Half"].literal("word", ""), whole.literal("other", 5)) == ("some", "none", 5)
    assert whole.options() == [("size", "int", "3"), ("depth", "int", None), ("names", "list", "list()")]


def test_a_missing_package_is_said():
    with pytest.raises(LookupError):
        source.path("no_such_package_here.inside")
