"""Forced text takes memory in proportion to its length."""

import pytest

from foretell.rules.constraints.grammar import Grammar
from foretell.rules.constraints.json_schema import JsonSchema
from foretell.rules.constraints.regex import Regex
from foretell.rules.schemas.strings import BYTES

TEXT = "x" * 3000
RULES = {
    "schema": (lambda: JsonSchema({"const": TEXT}), f'"{TEXT}"'),
    "pattern": (lambda: Regex(TEXT), TEXT),
    "grammar": (lambda: Grammar(f'start: "{TEXT}"'), TEXT),
    "many rules": (lambda: Grammar("start: " + '"x" ' * 3000), TEXT),
}


@pytest.mark.parametrize("name", RULES)
def test_states_of_a_forced_run_share_it(name):
    make, text = RULES[name]
    state = make().start(BYTES)
    kept = [state]
    written = b""
    while tokens := state.forced(100):
        for token in tokens:
            assert state.accepts(token)
            assert state.forced(1) == [token]
            assert state.allowed().ids.tolist() == [token]
            state = state.advance(token)
            kept.append(state)
            written += bytes([token])
    assert written.decode() == text
    inner = [getattr(each, "inner", each) for each in kept]
    runs = {id(each._forced[0]): len(each._forced[0]) for each in inner if each._forced is not None}
    assert sum(runs.values()) < 3 * len(text)


def test_another_way_leaves_the_run():
    state = Regex("(abc|abd)e").start(BYTES)
    assert state.forced() == list(b"ab")
    after = state.advance(ord("a")).advance(ord("b"))
    assert after.forced() == []
    assert after.advance(ord("d")).forced() == [ord("e")]
