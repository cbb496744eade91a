"""One reader of text forms: recipes' parts, constraints, components of estimators."""

from __future__ import annotations

import pytest

from foretell.catalog.part_text import RecipeSyntaxError, describe, parse_part, read_value
from foretell.errors import UserError
from foretell.parts import UnknownNameError
from foretell.rules.constraints.choices import Choices
from foretell.rules.constraints.integers import Integers
from foretell.rules.constraints.regex import Regex

A, B, C = Regex("[ab]+"), Choices(("ab", "b")), Integers(0, 9)


@pytest.mark.parametrize(
    ("text", "constraint"),
    [
        ("regex('[ab]+')", A),
        ("regex('[ab]+') & choices(('ab', 'b'))", A & B),
        ("integers(0, 9) + choices(('ab', 'b')) | regex('[ab]+')", (C + B) | A),
        ("integers(0, 9) + (choices(('ab', 'b')) | regex('[ab]+'))", C + (B | A)),
        ("both(constraints=(Regex('[ab]+'), Choices(('ab', 'b'))))", A & B),
    ],
)
def test_constraints_are_joined_as_in_python(text, constraint):
    assert parse_part(text, "constraint") == constraint
    assert parse_part(describe(constraint), "constraint") == constraint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("regex('a') &", "no constraint name at column 13"),
        ("(regex('a')", r"a missing '\)' at column 12"),
        ("regex('a') > regex('b')", "text that does not belong here at column 12"),
        ("integers(0, 9, 3, 4)", "wrong options for integers"),
    ],
)
def test_mistakes_are_pointed_at(text, message):
    with pytest.raises(RecipeSyntaxError, match=message):
        parse_part(text, "constraint")


def test_values_of_settings():
    pytest.importorskip("sklearn")
    assert read_value("(1, 2)", "component") == (1, 2)
    assert read_value("-inf", "component") == float("-inf")
    assert read_value("gelu", "component") == "gelu"
    assert read_value("cuda:1", "component") == "cuda:1"
    assert [type(read_value(text, "component")).__name__ for text in ("HLGauss", "hl-gauss", "mlp")] == ["HLGauss", "HLGauss", "MLP"]
    assert read_value("HLGauss(Support(bins=5), sigma=0.5)", "component").support.bins == 5
    with pytest.raises(UnknownNameError, match="MLP has no option 'width': did you mean 'widths'"):
        read_value("MLP(width=(4,))", "component")
    with pytest.raises(UserError, match="cannot be read; write for example MLP"):
        read_value("MLP(widths=sizes)", "component")
    with pytest.raises(UnknownNameError, match="no component called 'open'"):
        read_value("MLP(widths=open('x'))", "component")


@pytest.mark.parametrize("text", ["(" * 5000, "(" * 200 + "integers(0, 9)" + ")" * 200, "integers(" + "-" * 5000 + "1, 2)"])
def test_texts_that_are_nested_too_deeply(text):
    with pytest.raises(UserError):
        parse_part(text, "constraint")


def test_depth_that_is_taken():
    assert parse_part("(" * 40 + "integers(0, 9)" + ")" * 40, "constraint") == C
    assert parse_part(" | ".join(["(integers(0, 9))"] * 200), "constraint").constraints == (C,) * 200


@pytest.mark.parametrize("text", ["-" * 5000 + "1", "[" * 150 + "]" * 150, "1\0"])
def test_values_that_python_does_not_read_are_text(text):
    assert read_value(text, "component") == text
