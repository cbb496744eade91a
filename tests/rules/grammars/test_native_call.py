"""Depth that would overflow the engine's stack and end the process is compiled on a larger one, or refused."""

import subprocess
import sys
import textwrap

import pytest

from foretell.errors import UserError
from foretell.rules.grammars import native_call
from foretell.rules.grammars.grammar_state import GrammarError, short_message
from foretell.rules.grammars.native_call import MAX_LEVELS, call_native, levels_of

SETUP = """
import sys, threading
from foretell.errors import UserError
from foretell.rules.constraints.grammar import Grammar
from foretell.rules.constraints.json_schema import JsonSchema
from foretell.rules.constraints.regex import Regex
from foretell.rules.schemas.strings import BYTES

def chain(num, link, last={"type": "string"}):
    parts = {f"d{i}": link({"$ref": f"#/$defs/d{i + 1}"}) for i in range(num)}
    return JsonSchema({"$defs": {**parts, f"d{num}": last}, "$ref": "#/$defs/d0"})

def tried(make):
    try:
        make().start(BYTES).allowed()
        return "taken"
    except UserError as error:
        return f"refused {error}"
"""


def outcomes(lines: str) -> list[str]:
    """What each expression comes to in a process of its own, which must live."""
    code = SETUP + textwrap.dedent(lines)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, (run.returncode, run.stderr[-500:])
    return run.stdout.splitlines()


def test_chains_of_definitions():
    assert (
        outcomes("""
        for link in (
            lambda part: {"type": "object", "properties": {"a": part}},
            lambda part: {"type": "array", "items": part},
            lambda part: {"anyOf": [{"type": "object", "properties": {"a": part}, "required": ["a"]}, {"type": "integer"}]},
        ):
            print(tried(lambda: chain(1300, link)))
    """)
        == ["taken"] * 3
    )


def test_many_names_of_one_object():
    found = outcomes("""
        def work():
            print(tried(lambda: JsonSchema({"type": "object", "required": [f"p{i}" for i in range(7000)]})))

        print(tried(lambda: JsonSchema({"type": "object", "required": [f"p{i}" for i in range(40_000)]})))
        threading.stack_size(512 * 1024)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    """)
    assert found[0].startswith("refused #: the engine cannot compile it: it has an object of 40000 names")
    assert found[1] == "taken"


def test_chains_on_one_value_are_refused_with_the_place():
    found = outcomes("""
        for link in (lambda part: part, lambda part: {"allOf": [part]}, lambda part: {"anyOf": [part, {"type": "null"}]}):
            print(tried(lambda: chain(4000, link)))
    """)
    assert len(found) == 3
    assert all(line.startswith("refused #/$defs/d") and "the limit is 100" in line for line in found)


def test_chains_of_rules_and_terminals():
    assert (
        outcomes("""
        for rule in ('r{}: "a" r{}', 'r{}: r{}', 'T{}: "a" T{}', 'r{}: "a" ("b" (r{})?)*'):
            name = rule[0]
            lines = [f"start: {name}0", *(rule.format(i, i + 1) for i in range(5000)), f'{name}5000: "a"']
            print(tried(lambda: Grammar(chr(10).join(lines))))
    """)
        == ["taken"] * 4
    )


def test_a_small_thread_is_enough():
    assert (
        outcomes("""
        def work():
            print(tried(lambda: chain(1300, lambda part: {"type": "object", "properties": {"a": part}})))
            print(tried(lambda: Regex("(a" * 200 + ")?" * 200)))

        threading.stack_size(512 * 1024)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    """)[0]
        == "taken"
    )


@pytest.mark.parametrize(("open_", "close"), [("(", ")"), ('("b" ', ")?"), ("[", "]")])
def test_nested_groups_of_a_grammar_are_refused(open_, close):
    from foretell.rules.constraints.grammar import Grammar

    with pytest.raises(UserError, match="nested"):
        Grammar("start: " + open_ * 5000 + '"a"' + close * 5000)


@pytest.mark.parametrize("pattern", ["(" * 5000 + "a" + ")" * 5000, "(a|" * 5000 + "b" + ")?" * 5000])
def test_nested_groups_of_a_pattern_are_refused(pattern):
    from foretell.rules.constraints.regex import Regex
    from foretell.rules.schemas.strings import BYTES

    with pytest.raises(UserError, match="Regex"):
        Regex(pattern).start(BYTES)


def test_levels_are_an_upper_bound():
    schema = '{"grammars": [{"json_schema": {"$ref": "#/$defs/a", "$defs": {"a": {"items": {"$ref": "#/$defs/b"}}, "b": {}}}}]}'
    assert levels_of(schema) >= 4
    assert levels_of('start: (a)\na: ("b" ["c"])') >= 5
    assert levels_of('{"grammars": [{"lark_grammar": "start: a\\na: b\\nb: c"}]}') >= 3


def test_too_many_levels_are_refused():
    with pytest.raises(GrammarError, match=f"the limit is {MAX_LEVELS}"):
        call_native(lambda: None, MAX_LEVELS + 1)
    with pytest.raises(GrammarError, match="characters"):
        levels_of("x" * (native_call.MAX_GRAMMAR_CHARACTERS + 1))


@pytest.mark.parametrize("levels", [1, MAX_LEVELS])
def test_panics_are_errors_and_others_pass(levels):
    class PanicException(BaseException):  # as pyo3 names it
        pass

    def fail(error):
        raise error

    with pytest.raises(GrammarError, match=r"the engine failed: index out of range$"):
        call_native(lambda: fail(PanicException("index out of range\n<backtrace>\n 0: main")), levels)
    with pytest.raises(KeyboardInterrupt):
        call_native(lambda: fail(KeyboardInterrupt()), levels)
    assert call_native(lambda: levels, levels) == levels


def test_messages_are_short():
    assert short_message("panic: no\n<backtrace>\n0: main") == "panic: no"
    assert len(short_message("x" * 10_000)) < 700
