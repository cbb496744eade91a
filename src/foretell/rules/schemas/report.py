"""How each keyword of a schema is honoured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from foretell.rules.schemas.compiled_schema import WHITESPACE, Compiled
from foretell.rules.schemas.shortest import shortest

#: How a keyword is honoured: compiled by the engine; checked as soon as its value is complete; an annotation that changes nothing; no
#: keyword at all.
COMPILED, CHECKED, ANNOTATION, UNKNOWN = "compiled", "checked", "annotation", "unknown"


class Line(NamedTuple):
    """One keyword at one place."""

    path: str
    keyword: str
    level: str
    why: str = ""


@dataclass(frozen=True)
class Report:
    """draft: the schema's. lines: every keyword that says which values are valid, and what only looks like one. shortest: fewest bytes of
    a text, so at least that over the longest token's length in tokens."""

    draft: str
    lines: tuple[Line, ...]
    shortest: int

    def count(self, level: str) -> int:
        """How many keywords are honoured that way."""
        return sum(line.level == level for line in self.lines)


def report(compiled: Compiled, whitespace: str = "json") -> Report:
    """How each keyword of a compiled schema is honoured, place by place."""
    made, lines = compiled.lowered, []
    annotations = {(node, word): why for node, word, why in made.ignored}
    for node in compiled.graph.nodes:
        for word in node.words:
            if (node, word) in annotations:
                lines.append(Line(node.path, word, ANNOTATION, annotations[node, word]))
            elif word in made.relaxed.get(node, {}):
                lines.append(Line(node.path, word, CHECKED, made.relaxed[node][word]))
            else:
                lines.append(Line(node.path, word, COMPILED))
    lines += [Line(path, word, UNKNOWN, why) for path, word, why in compiled.graph.unknown]
    space = len(WHITESPACE[whitespace]["item_separator"]) - 1
    return Report(compiled.graph.draft.__name__.removesuffix("Validator"), tuple(lines), int(shortest(made.schema, space)))
