"""Pairwise covering arrays: few rows in which any two values of different factors meet.

A full product of five factors grows with the product of their sizes, a covering array only with that of the two largest. Most faults
of a combination show as soon as two of its values meet: Kuhn, Wallace and Gallo, "Software Fault Interactions and Implications for
Software Testing", 2004.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

#: By the names of two factors, in their order: whether a value of the first may stand beside a value of the second.
Compatible = Mapping[tuple[str, str], Callable[[Any, Any], bool]]


def covering_array(factors: Mapping[str, Sequence[Any]], compatible: Compatible | None = None) -> list[dict[str, Any]]:
    """Rows with one value of each factor, such that every compatible pair of values of two factors is in some row.

    factors: the values of each by its name, at least one. compatible: rules for pairs of factors; pairs without a rule always fit.
    The rows are sorted by the first factor, then the second, and so on, each in the order of its values.

    Greedy and deterministic: a row begins with the first pair that is missing, and each further factor, the largest first, takes
    the value that adds most missing pairs, of equals the one used least so far. Cost: rows x values x factors.

    Raises ValueError where a pair is compatible by itself but its row cannot be completed: what fits one value of a factor must
    leave a value of every other factor.

    >>> for row in covering_array({"a": [1, 2], "b": "xy", "c": "uv"}):
    ...     print(*row.values())
    1 x u
    1 y v
    2 x v
    2 y u
    """
    names, values = list(factors), list(factors.values())
    rules = {(names.index(one), names.index(other)): rule for (one, other), rule in (compatible or {}).items()}
    missing = {
        (i, a, j, b): None
        for i, j in combinations(range(len(names)), 2)
        for a in range(len(values[i]))
        for b in range(len(values[j]))
        if (i, j) not in rules or rules[i, j](values[i][a], values[j][b])
    }
    fitting = frozenset(missing)
    uses = [[0] * len(each) for each in values]
    rows = []
    while missing:
        i, a, j, b = next(iter(missing))
        row = {i: a, j: b}
        for factor in sorted(range(len(names)), key=lambda factor: -len(values[factor])):
            if factor not in row:
                row[factor] = _best(factor, row, missing, fitting, uses[factor], names)
        for factor, value in row.items():
            uses[factor][value] += 1
        complete = [row[factor] for factor in range(len(names))]
        for i, j in combinations(range(len(names)), 2):
            missing.pop((i, complete[i], j, complete[j]), None)
        rows.append(complete)
    return [{name: values[i][row[i]] for i, name in enumerate(names)} for row in sorted(rows)]


def _best(
    factor: int, row: dict[int, int], missing: dict[tuple, None], fitting: frozenset[tuple], uses: Sequence[int], names: Sequence[str]
) -> int:
    """The value of `factor` that fits `row` and adds most missing pairs; of equals the least used, then the first."""
    gains: dict[int, int] = {}
    for value in range(len(uses)):
        pairs = [(other, there, factor, value) if other < factor else (factor, value, other, there) for other, there in row.items()]
        if fitting.issuperset(pairs):
            gains[value] = sum(pair in missing for pair in pairs)
    if not gains:
        chosen = ", ".join(f"{names[other]} {value}" for other, value in row.items())
        raise ValueError(f"no {names[factor]} is compatible with {chosen} (values by their number)")
    return max(gains, key=lambda value: (gains[value], -uses[value], -value))
