"""One rule from `generate`'s options."""

from __future__ import annotations

import pytest

from foretell.rules.constraints.grammar import Grammar
from foretell.rules.constraints.regex import Regex
from foretell.rules.rule import make_rule

pytestmark = pytest.mark.usefixtures("cache")


def test_no_option_no_rule_and_two_are_refused():
    assert make_rule() is None
    with pytest.raises(ValueError, match="schema= and regex= both give a rule"):
        make_rule(schema=True, regex="a")


def test_each_option_makes_its_constraint(tmp_path):
    from foretell.rules.constraints.choices import Choices
    from foretell.rules.constraints.json_schema import JsonSchema

    (tmp_path / "g.lark").write_text('start: "a"')
    assert make_rule(regex="a+").constraint == Regex("a+")
    assert make_rule(grammar='start: "a"').constraint == Grammar('start: "a"')
    assert make_rule(grammar=tmp_path / "g.lark").constraint == Grammar('start: "a"')
    assert make_rule(grammar=str(tmp_path / "g.lark")).constraint == Grammar('start: "a"')
    assert make_rule(choices=["a", "b"]).constraint == Choices(("a", "b"))
    assert make_rule(constraint="regex('a+')").constraint == make_rule(constraint=Regex("a+")).constraint == Regex("a+")
    rule = make_rule(schema={"type": "integer"})
    assert isinstance(rule.constraint, JsonSchema)
    assert rule.is_json
    assert rule.read("12") == 12
    assert make_rule(regex="a").read("a") == "a"


def test_bad_options_name_the_argument():
    for options, word in (
        ({"grammar": "nowhere.lark"}, "not a file"),
        ({"choices": "yes"}, "one text"),
        ({"constraint": 3}, "not a constraint"),
        ({"constraint": "regx('a')"}, "did you mean 'regex'"),
        ({"constraint": "prompt-lookup"}, "no constraint called"),
    ):
        with pytest.raises(ValueError, match=word):
            make_rule(**options)


def test_settings_of_a_schema_need_one():
    rule = make_rule(schema={"type": "object"}, closed=True, bounds={"max_items": 2}, show_schema=True)
    assert (rule.constraint.closed, rule.constraint.bounds) == (True, (("max_items", 2),))
    assert '"type": "object"' in rule.instructions
    assert make_rule(schema={"type": "object"}).instructions == ""
    for options in ({"regex": "a", "closed": True}, {"bounds": True}, {"tools": [abs_], "show_schema": True}):
        with pytest.raises(ValueError, match="goes with schema="):
            make_rule(**options)
    assert make_rule(tools=[abs_], bounds=True).constraint.bounds is not None


def abs_(x: int) -> int:
    """The absolute value."""
    return abs(x)
