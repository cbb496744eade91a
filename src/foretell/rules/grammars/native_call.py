"""The one door to the engine's compiler: how deep a grammar leads it, on which stack it runs, and what its panics become.

The engine follows references from definition to definition by recursion. It overflowed a stack of 8 MB at about 900 definitions of a
schema, each with a level of its own, and at 3,000 rules of a grammar, and an overflow ends the process. So the levels are counted before,
as an upper bound: the nesting of every definition, added up. Deep grammars are compiled on a large stack, and deeper ones are refused.
What comes after compilation (token sets, copies, release) does not recurse: 20,000 levels were tried on the usual stack.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from foretell.rules.grammars.grammar_state import GrammarError, short_message

T = TypeVar("T")
#: Grammars with more levels are compiled on a stack of `STACK_BYTES`; those with more than `MAX_LEVELS` are refused. A level took at most
#: 10 kB, so each limit keeps a margin of two: a thread may have as little as 512 kB.
_USUAL_LEVELS, MAX_LEVELS = 25, 25_000
_REGEX_LEVELS = 300
#: So many names of one object count as a level: a name took 350 bytes of the stack. More names have more than the engine's symbols, which
#: it finds out after minutes.
_NAMES_A_LEVEL, _MAX_NAMES = 16, 20_000
STACK_BYTES = 512 * 2**20
#: The most characters of one grammar, as the engine reads it.
MAX_GRAMMAR_CHARACTERS = 8_000_000
_starting = threading.Lock()


def call_native(function: Callable[[], T], levels: int) -> T:
    """What `function` returns, which calls the engine's compiler for a grammar of so many levels. GrammarError for too many, and for
    what the engine panics about."""
    if levels > MAX_LEVELS:
        raise GrammarError(f"its definitions lead {levels} levels deep, and the limit is {MAX_LEVELS}; split it, or nest less")
    return _without_panics(function) if levels <= _USUAL_LEVELS else _on_large_stack(function)


def levels_of(grammar: str) -> int:
    """An upper bound on how deep the engine's compiler recurses for a grammar: Lark's, or what `LLMatcher.grammar_from_...` wrote."""
    if len(grammar) > MAX_GRAMMAR_CHARACTERS:
        raise GrammarError(f"it has {len(grammar)} characters for the engine, and the limit is {MAX_GRAMMAR_CHARACTERS}; split it")
    try:
        parts = json.loads(grammar)["grammars"]
    except (ValueError, RecursionError, LookupError, TypeError):
        return _lark_levels(grammar)
    return sum(_schema_levels(part.get("json_schema")) + _lark_levels(part.get("lark_grammar") or "") for part in parts)


def nesting(value: Any) -> int:
    """The nesting of arrays and objects in a JSON value."""
    depth, level = 0, [value]
    while level := [
        each for part in level if isinstance(part, dict | list) for each in (part.values() if isinstance(part, dict) else part)
    ]:
        depth += 1
    return depth


def _schema_levels(schema: Any) -> int:
    num_names = _most_names(schema)
    if num_names > _MAX_NAMES:
        raise GrammarError(f"it has an object of {num_names} names, and the engine's limit is {_MAX_NAMES}; split it into smaller ones")
    definitions = schema.get("$defs", {}) if isinstance(schema, dict) else {}
    root = {key: part for key, part in schema.items() if key != "$defs"} if isinstance(schema, dict) else schema
    return nesting(root) + sum(1 + nesting(part) for part in definitions.values()) + num_names // _NAMES_A_LEVEL


def _most_names(schema: Any) -> int:
    """The names of the object that has most: the engine goes through them by recursion, too."""
    most, waiting = 0, [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            most = max(most, *(len(part[key]) for key in ("properties", "required") if isinstance(part.get(key), dict | list)), 0)
        if isinstance(part, dict | list):
            waiting += part.values() if isinstance(part, dict) else part
    return most


def _lark_levels(source: str) -> int:
    """Each definition may lead to each other one, and each bracket nests. (Within a regular expression the engine has its own limit.)"""
    regex = re.fullmatch(r"start: /.*/", source)  # of `from_regex`
    return _REGEX_LEVELS if regex else sum(map(source.count, ":([{"))


def _on_large_stack(function: Callable[[], T]) -> T:
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(_without_panics(function))
        except BaseException as error:  # handed to the caller's thread
            errors.append(error)

    with _starting:  # the size is the process's, for threads that start from now on
        before = threading.stack_size(STACK_BYTES)
        try:
            thread = threading.Thread(target=run, name="foretell-compiler", daemon=True)
            thread.start()
        finally:
            threading.stack_size(before)
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def _without_panics(function: Callable[[], T]) -> T:
    try:
        return function()
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # pyo3's; it is no Exception, so that nobody catches it by mistake
            raise
        raise GrammarError(f"the engine failed: {short_message(str(error))}") from None
