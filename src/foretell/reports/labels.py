"""Short labels for things with long names, such that no two labels are alike."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence

#: Longest label, in characters: what fits beside the bars of a plot and into the first column of a table.
LONGEST = 32


def short_labels(names: Sequence[str], longest: int = LONGEST, kept: Collection[str] = ()) -> list[str]:
    """A label for each name, at most `longest` characters: the name itself where it fits, else the name without the options in
    parentheses, else the beginning of it. Where names differ and their labels would not, labels get numbers; equal names have equal labels.
    kept: names that are not shortened.

    >>> short_labels(["lookup", "table(size=4096, order=3, folder='/somewhere/long')", "table(size=4096, order=2, folder='/elsewhere')"])
    ['lookup', 'table… 1', 'table… 2']
    >>> short_labels(["a" * 50, "a" * 40 + "b", "", ""], longest=12)
    ['aaaaaaaaa… 1', 'aaaaaaaaa… 2', '', '']
    """
    shorter = {name: name if name in kept else _shorten(name, longest) for name in names}
    counts, labels = Counter(shorter.values()), {name: name for name, label in shorter.items() if label == name}
    for name, label in shorter.items():
        if name not in labels:
            taken = set(labels.values())
            labels[name] = label if counts[label] == 1 and label not in taken else _numbered(label, longest, taken)
    return [labels[name] for name in names]


def _shorten(name: str, longest: int) -> str:
    if len(name) <= longest:
        return name
    bare, before = name, ""
    while bare != before:  # innermost parentheses first; those that only group stay
        before, bare = bare, re.sub(r"(?<=[\w=-])\([^()]*\)", "…", bare)
    bare = bare if len(bare) <= longest else bare.replace("…", "")
    return _cut(bare, longest)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"


def _numbered(label: str, longest: int, taken: Collection[str]) -> str:
    number = 1
    while (labelled := f"{_cut(label, longest - 1 - len(str(number)))} {number}") in taken:
        number += 1
    return labelled
