"""Engines by name: functions from a schema to the state at the beginning of a text."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

from foretell.decoding.constraint import ConstraintState
from foretell.errors import MissingPackageError
from foretell.models.vocabulary import Vocabulary
from foretell.parts import UnknownNameError, nearest

#: From a schema and a vocabulary to the state before the first token; ValueError where the engine refuses the schema.
Engine = Callable[[Any, Vocabulary], ConstraintState]


def _foretell(schema: Any, vocabulary: Vocabulary) -> ConstraintState:
    from foretell.rules.constraints.json_schema import JsonSchema

    constraint = JsonSchema(schema)
    return constraint.begin(constraint.remember(vocabulary))  # not `start`, which caches what was compiled


def _llguidance(schema: Any, vocabulary: Vocabulary) -> ConstraintState:
    from foretell.rules.grammars.llguidance_engine import compile_grammar, from_json_schema

    return compile_grammar(from_json_schema(schema), vocabulary).start()


def _xgrammar(schema: Any, vocabulary: Vocabulary) -> ConstraintState:
    from foretell.rules.grammars.xgrammar_engine import compile_with_xgrammar

    return compile_with_xgrammar("schema", schema, vocabulary).start()


ENGINES: dict[str, Engine] = {"foretell": _foretell, "llguidance": _llguidance, "xgrammar": _xgrammar}


def engine_named(name: str) -> Engine:
    """The engine called `name`. Raises UnknownNameError with the nearest name, ImportError where its package is not installed."""
    if name not in ENGINES:
        raise UnknownNameError(f"no engine is called {name!r}: {nearest(name, list(ENGINES))}")
    if name == "xgrammar" and importlib.util.find_spec("xgrammar") is None:
        from foretell.rules.grammars.xgrammar_engine import INSTALL

        raise MissingPackageError(INSTALL)
    return ENGINES[name]
