"""An entry of the catalogue: what is known of a part without importing it."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from dataclasses import dataclass
from typing import Any

from foretell.catalog.source import ClassSource, file, path, tree


@dataclass(frozen=True)
class Entry:
    """One part.

    module, class_name: where its class is. aliases: other names. papers: short names of its papers, or BibTeX entries. summary: one
    sentence. doc: its docstring. guarantee: "exact", "bounded" or "lossy" as its class or docstring says, "" where it has none of its
    own; condition: under which condition. options: (name, type, default) as written, default None where a value must be given.
    symbol: what joins parts in text, for parts made of parts. file: its path from the package's folder on.
    """

    kind: str
    name: str
    module: str
    class_name: str
    aliases: tuple[str, ...]
    papers: tuple[str, ...]
    summary: str
    doc: str
    guarantee: str
    condition: str
    options: tuple[tuple[str, str, str | None], ...]
    symbol: str
    file: str

    def load(self) -> Any:
        """The class itself; imports its module."""
        return getattr(importlib.import_module(self.module), self.class_name)


def name_of(cls: type) -> str:
    """The name that recipes and the command line use for a part. A class whose capitals mislead says its own, as `NAME`.

    >>> name_of(type("MultiRound", (), {}))
    'multi-round'
    """
    return vars(cls).get("NAME") or _hyphenated(cls.__name__)


def plain(name: str) -> str:
    """A name without hyphens, underscores, spaces and capitals."""
    return re.sub(r"[-_\s]", "", name).lower()


def _hyphenated(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower()


def entry_of_source(kind: str, cls: ClassSource) -> Entry:
    """What the source says of a part. Where a module of ours is named after the part, its docstring gives the summary."""
    doc = ast.get_docstring(cls.node) or ""
    name = str(cls.literal("NAME", _hyphenated(cls.name)))
    is_home = cls.module.startswith("foretell.") and plain(cls.module.rpartition(".")[2]) == plain(name)
    module_doc = ast.get_docstring(tree(path(cls.module))) if is_home else None
    return Entry(
        kind,
        name,
        cls.module,
        cls.name,
        tuple(cls.literal("aliases", ())),  # type: ignore[arg-type]
        tuple(cls.literal("papers", ())),  # type: ignore[arg-type]
        _sentence(module_doc or doc, name),
        doc,
        *_guarantee(cls, doc),
        tuple(cls.options()),
        str(cls.literal("symbol", "")),
        file(cls.module),
    )


def entry_of_class(kind: str, cls: Any) -> Entry:
    """The same of a class that had to be imported."""
    doc, name, guarantee = inspect.getdoc(cls) or "", name_of(cls), getattr(cls, "guarantee", None)
    options = [
        (key, str(each.annotation), None if each.default is each.empty else repr(each.default))
        for key, each in inspect.signature(cls).parameters.items()
    ]
    return Entry(
        kind,
        name,
        cls.__module__,
        cls.__name__,
        tuple(getattr(cls, "aliases", ())),
        tuple(getattr(cls, "papers", ())),
        _sentence(doc, name),
        doc,
        getattr(guarantee, "kind", ""),
        getattr(guarantee, "condition", ""),
        tuple(options),
        getattr(cls, "symbol", ""),
        cls.__module__,
    )


def _guarantee(cls: ClassSource, doc: str) -> tuple[str, str]:
    """(kind, condition) from `guarantee = Guarantee(...)`, else the kind that the docstring names."""
    value = cls.attribute("guarantee")
    if isinstance(value, ast.Call):
        kind, condition = (ast.literal_eval(each) for each in [*value.args, *(keyword.value for keyword in value.keywords)])
        return kind, condition
    named = re.search(r"\b(?:Guarantee|Law): (exact|bounded|lossy)\b", doc)
    return (named.group(1) if named else ""), ""


def _sentence(doc: str, name: str) -> str:
    """The first sentence, without the name that it may open with ("Prompt lookup: copy ...", "`PromptLookup`: ...")."""
    sentence = " ".join(doc.partition("\n\n")[0].split()).partition(". ")[0].rstrip(".")
    opening, _, rest = sentence.partition(": ")
    return rest[:1].upper() + rest[1:] if rest and plain(opening.strip("`")) == plain(name) else sentence
