"""Dates and times as people write them: 2024-03-01, 01.03.2024 14:30, 3/1/24, 1 March 2024, 2024-Q1, with or without a time zone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from foretell.numbers.tables.number_text import MEANT

_CLOCK = r"(?:(?:T|\s+)(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<part>\d{1,9}))?)?\s*(?P<half>[AaPp]\.?[Mm]\.?)?)?"
_ZONE = r"\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})?"
_DATES = (
    r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?:(?P=mark)(?P<day>\d{1,2}))?",
    r"(?P<a>\d{1,2})(?P<mark>[-/.])(?P<b>\d{1,2})(?P=mark)(?P<year>\d{4}|\d{2})",
    r"(?P<year>\d{4})[- ]?[Qq](?P<quarter>[1-4])",
    r"[Qq](?P<quarter>[1-4])[- /]?(?P<year>\d{4})",
)
_SHAPES = tuple(re.compile(date + _CLOCK + _ZONE) for date in _DATES)
#: Months in words.
_WORDED = (
    *("%d %b %Y", "%d %B %Y", "%d. %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y", "%d-%b-%y", "%d %b %y"),
    *("%b %Y", "%B %Y", "%b-%Y", "%b-%y"),
)


@dataclass(frozen=True)
class ReadDates:
    """values: of the cells, NaT for those that are no dates; times with a zone are in UTC. order: "" where the year comes first or months
    are words, else "day first" or "month first". tells: whether the cells tell the order. zoned: whether there were zones."""

    values: pd.Series
    order: str = ""
    tells: bool = True
    zoned: bool = False


def read_dates(
    cells: Sequence[str], date_format: str | None = None, day_first: bool | None = None, european: bool = False, least: float = MEANT
) -> ReadDates | None:
    """Distinct cells of a column as dates, or None where less than the share `least` of them are.

    date_format: of all cells (None: any of the usual). In 01/02/2024 the day is the number that is above 12 in some row, or that is 1 in
    all rows while the other changes (but not between points, where months never come first); else `day_first` says it; else it is the
    first one between points and dashes, and in tables of `european` numbers; else the second.
    """
    if date_format is not None:
        found = pd.to_datetime(pd.Series(cells, dtype=object), format=date_format, errors="coerce", utc="%z" in date_format)
        return _result(found, "", True, "%z" in date_format, least)
    for shape in _SHAPES:
        matched = [shape.fullmatch(cell.strip()) for cell in cells]
        hits = [match for match in matched if match is not None]
        if len(hits) < least * len(cells) or not hits:
            continue
        order, tells = "", True
        if "a" in shape.groupindex:
            first, tells = _day_first(hits, day_first, european)
            if first is None:
                return None
            order = "day first" if first else "month first"
        zoned = any(match["zone"] for match in hits)
        written = ["" if match is None else _iso(match, order, zoned) for match in matched]
        return _result(pd.to_datetime(pd.Series(written), format="ISO8601", errors="coerce", utc=zoned), order, tells, zoned, least)
    if not any(char.isalpha() for char in "".join(cells[:1])) or not any(char.isdigit() for char in "".join(cells[:1])):
        return None
    for worded in _WORDED:
        found = pd.to_datetime(pd.Series(cells, dtype=object), format=worded, errors="coerce")
        if found.notna().mean() >= least:
            return _result(found, "", True, False, least)
    return None


def _result(found: pd.Series, order: str, tells: bool, zoned: bool, least: float) -> ReadDates | None:
    if len(found) == 0 or found.notna().mean() < least:
        return None
    return ReadDates(found.dt.tz_localize(None) if zoned else found, order, tells, zoned)


def _day_first(hits: Sequence[re.Match[str]], given: bool | None, european: bool) -> tuple[bool | None, bool]:
    """Whether the first number is the day (None: neither is), and whether the cells tell."""
    first, second = ([int(match[name]) for match in hits] for name in "ab")
    if max(first) > 12 or max(second) > 12:
        return (None if min(max(first), max(second)) > 12 else max(first) > 12), True
    if len(hits) > 2 and hits[0]["mark"] != "." and ({*first} == {1}) != ({*second} == {1}):  # nobody writes month.day.year
        return {*first} == {1}, len({match["year"] for match in hits}) > 1
    if given is not None:
        return given, False
    return hits[0]["mark"] != "/" or european, False


def _iso(match: re.Match[str], order: str, zoned: bool) -> str:
    part = match.groupdict()
    year = int(part["year"])
    if len(part["year"]) == 2:
        year += 1900 if year >= 69 else 2000
    if part.get("quarter"):
        month, day = 3 * int(part["quarter"]) - 2, 1
    elif order:
        month, day = int(part["b" if order == "day first" else "a"]), int(part["a" if order == "day first" else "b"])
    else:
        month, day = int(part["month"]), int(part["day"] or 1)
    hour = int(part["hour"] or 0)
    if part["half"]:
        hour = hour % 12 + (12 if part["half"][0] in "pP" else 0)
    clock = f"{hour:02}:{part['minute'] or '00'}:{part['second'] or '00'}.{part['part'] or '0'}"
    zone = part["zone"] or ""
    offset = "+00:00" if zoned and zone in ("", "Z", "UTC", "GMT") else zone + ":00" if len(zone) == 3 else zone
    return f"{year:04}-{month:02}-{day:02}T{clock}{offset}"
