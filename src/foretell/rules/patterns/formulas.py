"""Conditions on the rest of a text, as alternatives of literals.

A literal (state, True) says that the rest is accepted from a state of an automaton, (state, False) that it is not. A formula is a set of
clauses, of which one must hold; a clause is a set of literals that must all hold.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from foretell.errors import UserError

Literal: TypeAlias = tuple[int, bool]
Formula: TypeAlias = frozenset[frozenset[Literal]]

FALSE: Formula = frozenset()
TRUE: Formula = frozenset({frozenset()})
#: The most clauses of a formula.
_MAX_CLAUSES = 300


class TooLargeError(UserError):
    """An automaton or a pattern is larger than is worth making."""


def literal(state: int, is_positive: bool = True) -> Formula:
    """The formula of one literal."""
    return frozenset({frozenset({(state, is_positive)})})


def either(formulas: Iterable[Formula]) -> Formula:
    """One of these holds."""
    return _simple({clause for formula in formulas for clause in formula})


def both(one: Formula, other: Formula) -> Formula:
    """Both hold."""
    if one == TRUE or other == TRUE:
        return other if one == TRUE else one
    if len(one) * len(other) > _MAX_CLAUSES**2:
        raise TooLargeError("a pattern has too many conditions at once")
    clauses = {left | right for left in one for right in other}
    return _simple({clause for clause in clauses if not any((state, not sign) in clause for state, sign in clause)})


def negated(formula: Formula) -> Formula:
    """It does not hold."""
    result = TRUE
    for clause in formula:
        result = both(result, frozenset(frozenset({(state, not sign)}) for state, sign in clause))
    return result


def _simple(clauses: set[frozenset[Literal]]) -> Formula:
    """Without clauses that say more than another one."""
    if len(clauses) > _MAX_CLAUSES:
        raise TooLargeError("a pattern has too many conditions at once")
    kept: list[frozenset[Literal]] = []
    for clause in sorted(clauses, key=len):
        if not any(each <= clause for each in kept):
            kept.append(clause)
    return frozenset(kept)
