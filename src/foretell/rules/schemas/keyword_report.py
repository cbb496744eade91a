"""How each keyword of a schema is supported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from foretell.rules.schemas.drafts import SchemaDraft
from foretell.rules.schemas.schema_compiler import WHITESPACE, CompiledSchema
from foretell.rules.schemas.shortest import shortest

#: How a keyword is supported: compiled by the engine; checked when its value is complete; an annotation without effect; not a keyword.
COMPILED, CHECKED, ANNOTATION, UNKNOWN = "compiled", "checked", "annotation", "unknown"


#: Keywords about what a string contains, which no draft asks validators to check.
_CONTENT = {
    "contentEncoding": "describes how the string is encoded, which is not checked",
    "contentMediaType": "describes what the string contains, which is not checked",
    "contentSchema": "describes the value that the string contains, which is not checked",
}


class KeywordSupport(NamedTuple):
    """One keyword at one place. path: the place in the schema. level: `COMPILED`, ... why: the reason, empty if it is compiled."""

    path: str
    keyword: str
    level: str
    why: str = ""


@dataclass(frozen=True)
class KeywordReport:
    """draft: the schema's. lines: one for each keyword that affects validity, and for what only looks like a keyword. shortest: a lower
    bound on the length of a text in bytes. notes: sentences about what was probably meant otherwise, and why the schema is of this draft
    where it does not say so."""

    draft: SchemaDraft
    lines: tuple[KeywordSupport, ...]
    shortest: int
    notes: tuple[str, ...] = ()

    def count(self, level: str) -> int:
        """The number of keywords with this level of support."""
        return sum(line.level == level for line in self.lines)


def keyword_report(compiled: CompiledSchema, whitespace: str = "json") -> KeywordReport:
    """The report of a compiled schema, in the order of its subschemas. whitespace: a key of `WHITESPACE`."""
    lines = []
    annotations = {(node, keyword): why for node, keyword, why in compiled.ignored}
    for node in compiled.graph.nodes:
        for keyword in node.keywords:
            if (node, keyword) in annotations:
                lines.append(KeywordSupport(node.path, keyword, ANNOTATION, annotations[node, keyword]))
            elif keyword in compiled.relaxed.get(node, {}):
                lines.append(KeywordSupport(node.path, keyword, CHECKED, compiled.relaxed[node][keyword]))
            else:
                lines.append(KeywordSupport(node.path, keyword, COMPILED))
        written = node.schema if isinstance(node.schema, dict) else {}
        lines += [KeywordSupport(node.path, keyword, ANNOTATION, _CONTENT[keyword]) for keyword in _CONTENT if keyword in written]
    lines += [KeywordSupport(path, keyword, UNKNOWN, why) for path, keyword, why in compiled.graph.unknown]
    separator = len(WHITESPACE[whitespace]["item_separator"]) - 1
    return KeywordReport(compiled.graph.draft, tuple(lines), int(shortest(compiled.schema, separator)), tuple(compiled.graph.notes))
