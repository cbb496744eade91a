"""Numbers as people write them: 1.234,56, 1 234.5, 12 %, EUR 3.50."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

#: A column with this share of numbers is taken to be meant as numbers.
MEANT = 0.8
#: Words for a missing value where the other cells are numbers or dates.
ABSENT = frozenset(["?", "-", "--", "---", "\u2013", "\u2014", ".", "..", "...", "*", "k.A.", "k. A.", "n.a.", "N.A.", "missing", "(null)"])
_MINUS = str.maketrans({"\u2212": "-", "\u2013": "-", "\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2019": "'"})
_UNITS = r"[%\u2030$\u00a2\u00a3\u00a5\u20a0-\u20bf]|EUR|USD|GBP|CHF|JPY|SEK|NOK|DKK|PLN"
_GROUPS = {".": ", '", ",": ". '"}


def _pattern(decimal: str) -> re.Pattern[str]:
    whole = rf"(?:[1-9]\d{{0,2}}(?:(?P<group>[{re.escape(_GROUPS[decimal])}])\d{{3}}(?:(?P=group)\d{{3}})*)|\d+)"
    number = rf"(?P<number>{whole}(?:{re.escape(decimal)}\d*)?|{re.escape(decimal)}\d+)(?P<power>[eE][+-]?\d+)?"
    return re.compile(rf"(?P<sign>[+-]?)\s*(?P<before>{_UNITS})?\s*(?P<second>[+-]?){number}\s*(?P<after>{_UNITS})?")


PATTERNS = {mark: _pattern(mark) for mark in _GROUPS}


@dataclass(frozen=True)
class ReadNumbers:
    """values: of the cells, NaN for those that are no numbers. share: of the cells that are. unit: what was written beside each."""

    values: list[float]
    share: float
    unit: str = ""


def read_numbers(cells: Iterable[str], decimal: str) -> ReadNumbers:
    """Cells as numbers with that decimal mark, thousands grouped by blanks, apostrophes or the other mark, and at most one unit (a currency
    or %), which all cells have or none.

    >>> read_numbers(["1.234,5", "-7"], ",").values, read_numbers(["12 %", "3 %"], ".").unit
    ([1234.5, -7.0], '%')
    """
    values, units = [], set()
    for cell in cells:
        found = PATTERNS[decimal].fullmatch(cell.translate(_MINUS).strip())
        twice = found is not None and ((found["sign"] and found["second"]) or (found["before"] and found["after"]))
        if found is None or twice:
            values.append(np.nan)
            continue
        plain = found["number"].replace(found["group"], "") if found["group"] else found["number"]
        values.append(float(found["sign"] + found["second"] + plain.replace(decimal, ".") + (found["power"] or "")))
        units.add(found["before"] or found["after"] or "")
    if len(units) > 1:
        return ReadNumbers([np.nan] * len(values), 0.0)
    share = float(np.mean(~np.isnan(values))) if values else 0.0
    return ReadNumbers(values, share, units.pop() if units else "")


def find_decimal(columns: Sequence[pd.Series], delimiter: str, usual: str | None = None) -> tuple[str, bool]:
    """The decimal mark of a table, and whether its cells tell (1,5 does, 1,234 does not). columns: their distinct cells, texts.

    Most columns that tell decide. Where none does, a comma is the decimal mark if `usual` says so, or if semicolons separate the cells.
    """
    votes = {".": 0, ",": 0}
    unclear = False
    for cells in columns:
        texts = [cell for cell in cells if cell not in ABSENT]
        shares = {mark: read_numbers(texts, mark).share for mark in votes}
        if max(shares.values()) < MEANT:
            continue
        if shares["."] != shares[","]:
            votes[max(shares, key=lambda mark: shares[mark])] += 1
        elif any("," in text for text in texts):
            unclear = True
    if any(votes.values()):
        return max(votes, key=lambda mark: votes[mark]), True
    return (usual or ("," if delimiter == ";" and unclear else ".")), not unclear
