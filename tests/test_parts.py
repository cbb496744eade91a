"""The base of all parts."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, dataclass

import pytest

from foretell.parts import Part, UnknownNameError, nearest, require


@dataclass(frozen=True)
class Kettle(Part):
    """A part for these tests."""

    litres: float = 1.5
    colour: str = "red"

    def __post_init__(self) -> None:
        require(self.litres > 0, self, "litres", self.litres, "must be above 0")


def test_a_part_is_a_value():
    kettle = Kettle(2.0)
    assert kettle == Kettle(litres=2.0) != Kettle()
    assert hash(kettle) == hash(Kettle(2.0))
    assert eval(repr(kettle)) == kettle
    assert pickle.loads(pickle.dumps(kettle)) == copy.deepcopy(kettle) == copy.copy(kettle) == kettle
    assert kettle.replace(colour="blue") == Kettle(2.0, "blue")
    assert Kettle.examples() == [Kettle()]
    with pytest.raises(FrozenInstanceError):
        kettle.litres = 3.0  # type: ignore[misc]


def test_unknown_options_are_refused_with_the_nearest_name():
    with pytest.raises(UnknownNameError, match="Kettle has no option 'color': did you mean 'colour'"):
        Kettle(color="red")
    with pytest.raises(UnknownNameError, match="known: colour, litres"):
        Kettle().replace(weight=1)
    assert issubclass(UnknownNameError, ValueError)


def test_wrong_values_name_the_argument_the_value_and_the_remedy():
    with pytest.raises(ValueError, match="Kettle: litres=-1 must be above 0"):
        Kettle(-1)


def test_nearest_names():
    assert nearest("colr", ["colour", "litres"]) == "did you mean 'colour'?"
    assert nearest("zzz", ["b", "a"]) == "known: a, b"
    assert nearest("zzz", []) == "known: none"
