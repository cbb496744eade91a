"""All parts and what their files say of them, read from the source without running it.

`foretell list` must answer in a moment, and importing the parts would import torch. The registry stays the truth: a test
holds that both find the same parts with the same options, guarantees and docstrings. Plug-ins whose source cannot be found are
imported.
"""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from foretell.cli.common.source import Class, attribute, file, is_final, is_part, method, options, path, tree
from foretell.decoding.registry import CONTRACTS, ROOMS, name_of
from foretell.models.shipped import CARD, shipped
from foretell.parts import UnknownNameError, nearest


@dataclass(frozen=True)
class Entry:
    """One part. guarantee: "exact", "bounded" or "lossy" as its class or docstring says, "" where it has none of its own. options:
    (name, type, default) as written, default None where one must be given. file: its path from the package's folder on.
    symbol: what joins parts in a recipe's text, for parts made of parts."""

    kind: str
    name: str
    aliases: tuple[str, ...]
    summary: str
    doc: str
    guarantee: str
    condition: str
    options: tuple[tuple[str, str, str | None], ...]
    file: str
    symbol: str = ""


@cache
def catalog() -> tuple[Entry, ...]:
    """Every part, by kind in the registry's order, then by name."""
    return tuple(entry for kind in ROOMS for entry in sorted(_entries(kind), key=lambda entry: entry.name))


#: Kinds of what says numbers, with their rooms below `numbers/`.
NUMBERS = {"estimator": "estimators", "forecaster": "forecasters"}


@cache
def numbers() -> tuple[Entry, ...]:
    """Every estimator and forecaster, by kind, then by name. They can be looked up where scikit-learn is not installed."""
    return tuple(entry for kind in NUMBERS for entry in sorted(_number_entries(kind), key=lambda entry: entry.name))


@cache
def models() -> tuple[Entry, ...]:
    """The models that come with the package, each described by its card."""
    found = []
    for name, folder in shipped().items():
        card = (folder / CARD).read_text(encoding="utf-8")
        found.append(Entry("model", name, (), _sentence(card.partition("\n\n")[2], name), card, "", "", (), f"foretell/data/models/{name}"))
    return tuple(found)


def lookup(name: str) -> Entry:
    """The part of that name or alias, or the estimator, forecaster or model of that name; UnknownNameError with the nearest otherwise."""
    entries = [*catalog(), *numbers(), *models()]
    for entry in entries:
        if name == entry.name or name in entry.aliases:
            return entry
    raise UnknownNameError(f"there is no part called {name!r}: {nearest(name, [entry.name for entry in entries])}")


def _entries(kind: str) -> Iterator[Entry]:
    room = f"foretell.{'rules' if kind == 'constraint' else 'decoding'}.{ROOMS[kind]}"
    contract = (f"foretell.decoding.{kind}", CONTRACTS[kind])
    for info in pkgutil.iter_modules([str(Path(path(room)).parent)]):
        module = f"{room}.{info.name}"
        parts = [Class(module, node) for node in tree(path(module)).body if isinstance(node, ast.ClassDef)]
        parts = [part for part in parts if is_part(part, contract)]
        for part in parts:
            yield _entry(kind, part, alone=len(parts) == 1)
    for plugin in entry_points(group=f"foretell.{ROOMS[kind]}"):
        yield _plugin(kind, plugin)


def _number_entries(kind: str) -> Iterator[Entry]:
    room = f"foretell.numbers.{NUMBERS[kind]}"
    for info in pkgutil.iter_modules([str(Path(path(room)).parent)]):
        module = f"{room}.{info.name}"
        classes = [Class(module, node) for node in tree(path(module)).body if isinstance(node, ast.ClassDef)]
        classes = [each for each in classes if not each.node.name.startswith("_") and is_final(each) and method(each, "examples")]
        for each in classes:
            yield _entry(kind, each, alone=len(classes) == 1)
    for plugin in entry_points(group=f"foretell.{NUMBERS[kind]}"):
        yield _plugin(kind, plugin)


def _plugin(kind: str, plugin: EntryPoint) -> Entry:
    try:
        [node] = [n for n in tree(path(plugin.module)).body if isinstance(n, ast.ClassDef) and n.name == plugin.attr]
        return _entry(kind, Class(plugin.module, node), alone=False)
    except (LookupError, ValueError, OSError, SyntaxError):
        cls = plugin.load()
        doc = inspect.getdoc(cls) or ""
        guarantee = getattr(cls, "guarantee", None)
        parameters = inspect.signature(cls).parameters.items()
        return Entry(
            kind,
            name_of(cls),
            getattr(cls, "aliases", ()),
            _sentence(doc, name_of(cls)),
            doc,
            getattr(guarantee, "kind", ""),
            getattr(guarantee, "condition", ""),
            tuple((name, str(each.annotation), None if each.default is each.empty else repr(each.default)) for name, each in parameters),
            cls.__module__,
        )


def _entry(kind: str, part: Class, alone: bool) -> Entry:
    doc = ast.get_docstring(part.node) or ""
    module_doc = ast.get_docstring(tree(path(part.module))) or ""
    aliases, symbol = attribute(part, "aliases"), attribute(part, "symbol")
    own = attribute(part, "NAME")
    name = name_of(type(part.node.name, (), {} if own is None else {"NAME": ast.literal_eval(own)}))
    return Entry(
        kind,
        name,
        tuple(ast.literal_eval(aliases)) if aliases is not None else (),
        _sentence(module_doc if alone and module_doc else doc, name),
        doc,
        *_law(part, doc),
        tuple(options(part)),
        file(part.module),
        ast.literal_eval(symbol) if symbol is not None else "",
    )


def _law(part: Class, doc: str) -> tuple[str, str]:
    """(kind, condition) from `guarantee = Guarantee(...)`, else the kind that the docstring names."""
    guarantee = attribute(part, "guarantee")
    if isinstance(guarantee, ast.Call):
        kind, condition = (ast.literal_eval(value) for value in [*guarantee.args, *(keyword.value for keyword in guarantee.keywords)])
        return kind, condition
    named = re.search(r"\bGuarantee: (exact|bounded|lossy)\b", doc)
    return (named.group(1) if named else ""), ""


def _sentence(doc: str, name: str) -> str:
    """The first sentence, without the name that it may open with ("Prompt lookup: copy ...", "`PromptLookup`: ...")."""
    sentence = " ".join(doc.partition("\n\n")[0].split()).partition(". ")[0].rstrip(".")
    opening, _, rest = sentence.partition(": ")
    plain = opening.strip("`").replace(" ", "").replace("-", "").lower()
    return rest[:1].upper() + rest[1:] if rest and plain == name.replace("-", "") else sentence
