"""The catalogue: every part, ours and those of other packages.

A part is a class in the package of its kind that fulfils the kind's contract and leaves no method abstract. Nobody keeps a list.
Its name is the class name in lower-case with hyphens: `PromptLookup` is "prompt-lookup". Other packages offer parts through entry
points ("foretell.drafters", ...).

The catalogue reads source files and runs none, so that a name is looked up in milliseconds; `Entry.load` imports the one part that is
wanted. A plug-in whose source cannot be read is imported.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from foretell.catalog.entry import Entry, entry_of_class, entry_of_source, name_of, plain
from foretell.catalog.renamed import PARTS
from foretell.catalog.source import ClassSource, classes_of, path, resolve, tree
from foretell.parts import UnknownNameError, nearest
from foretell.words import with_article

__all__ = ["DECODING", "KINDS", "Entry", "PartKind", "build", "entries", "find", "name_of", "parts", "plain", "refresh"]


@dataclass(frozen=True)
class PartKind:
    """A kind of part. plural: what lists call it. package: where its files are, at any depth. contract: dotted path of the class that
    its parts inherit. group: the entry-point group through which other packages offer parts."""

    name: str
    plural: str
    package: str
    contract: str
    group: str


#: All kinds by name: those that recipes and requests are made of, those of numbers, and the programs that a bench compares with.
KINDS = {
    kind.name: kind
    for kind in (
        PartKind("drafter", "drafters", "foretell.decoding.drafters", "foretell.decoding.drafter.Drafter", "foretell.drafters"),
        PartKind("verifier", "verifiers", "foretell.decoding.verifiers", "foretell.decoding.verifier.Verifier", "foretell.verifiers"),
        PartKind("pace", "paces", "foretell.decoding.paces", "foretell.decoding.pace.Pace", "foretell.paces"),
        PartKind("sampler", "samplers", "foretell.decoding.samplers", "foretell.decoding.sampler.SamplerStep", "foretell.samplers"),
        PartKind("router", "routers", "foretell.decoding.routers", "foretell.decoding.router.Router", "foretell.routers"),
        PartKind("search", "searches", "foretell.decoding.searches", "foretell.decoding.search.Search", "foretell.searches"),
        PartKind(
            "constraint", "constraints", "foretell.rules.constraints", "foretell.decoding.constraint.Constraint", "foretell.constraints"
        ),
        PartKind("chooser", "choosers", "foretell.decoding.choosers", "foretell.decoding.chooser.OnlineChooser", "foretell.choosers"),
        PartKind("estimator", "estimators", "foretell.numbers.estimators", "sklearn.base.BaseEstimator", "foretell.estimators"),
        PartKind("forecaster", "forecasters", "foretell.numbers.forecasters", "sklearn.base.BaseEstimator", "foretell.forecasters"),
        PartKind("bandit", "bandits", "foretell.numbers.choosers", "sklearn.base.BaseEstimator", "foretell.choosers"),
        PartKind(
            "unlearning-method", "unlearning-methods", "foretell.numbers.unlearning", "sklearn.base.BaseEstimator", "foretell.unlearning"
        ),
        PartKind("component", "components", "foretell.numbers", "foretell.numbers.component.Component", "foretell.components"),
        PartKind("peer", "peers", "foretell.bench.peers", "foretell.bench.peers.base.Peer", "foretell.peers"),
    )
}
#: Kinds that recipes and requests name.
DECODING = ("drafter", "verifier", "pace", "sampler", "router", "search", "constraint", "chooser")


@cache
def entries(kind: str) -> tuple[Entry, ...]:
    """Every part of a kind, by name. Raises UnknownNameError for another kind.

    >>> [entry.name for entry in entries("pace")][:2]
    ['bandit', 'draft-verify']
    """
    if kind not in KINDS:
        raise UnknownNameError(f"kind={kind!r} is not a kind of part; {nearest(kind, KINDS)}")
    found = {entry.name: entry for entry in (*_ours(KINDS[kind]), *_plug_ins(KINDS[kind]))}
    return tuple(found[name] for name in sorted(found))


def find(name: str, *kinds: str) -> Entry:
    """The part of that name, alias or class name, hyphens and capitals aside, of one of these kinds or of any; the first in the order
    of the kinds. A name of an earlier version finds the part as well.

    Raises UnknownNameError, which suggests the nearest name, or says of what other kind the part is.

    >>> find("prompt-lookup").kind, find("PromptLookup").name, find("cost", "pace").name
    ('drafter', 'prompt-lookup', 'never-slower')
    """
    kinds = kinds or tuple(KINDS)
    for matches in (_is_named, _is_like):
        for each in kinds:
            present = PARTS.get(each, {}).get(name, name)
            for entry in entries(each):
                if matches(entry, present):
                    return entry
    what = kinds[0] if len(kinds) == 1 else "part"
    for each in KINDS:
        if each not in kinds and any(_is_named(entry, name) for entry in entries(each)):
            raise UnknownNameError(f"there is no {what} called {name!r}: it is {with_article(each)}")
    named = (entry for each in kinds for entry in entries(each))
    known = [entry.class_name if name[:1].isupper() else entry.name for entry in named]
    raise UnknownNameError(f"there is no {what} called {name!r}: {nearest(name, known)}")


@cache
def parts(kind: str) -> dict[str, Any]:
    """The classes of all parts of a kind by name; imports them all.

    >>> parts("sampler")["top-k"].__name__
    'TopK'
    """
    return {entry.name: entry.load() for entry in entries(kind)}


def build(name: str, kind: str, /, **options: Any) -> Any:
    """The part of that name and kind with these options."""
    return find(name, kind).load()(**options)


def refresh() -> None:
    """Forget what was found, so that packages which were installed or changed meanwhile are seen."""
    for cached in (entries, parts, _offered, resolve, path, tree):
        cached.cache_clear()


def _is_named(entry: Entry, name: str) -> bool:
    return name == entry.name or name in entry.aliases


def _is_like(entry: Entry, name: str) -> bool:
    return plain(name) in (plain(entry.name), plain(entry.class_name))


def _ours(kind: PartKind) -> Iterator[Entry]:
    """Parts of this package: final classes, but for those that another class of the kind inherits."""
    found = [cls for module in _modules(kind) for cls in classes_of(module) if _fulfils(cls, kind)]
    inherited = {ancestor for cls in found for ancestor in cls.ancestors}
    chosen = [cls for cls in found if f"{cls.module}.{cls.name}" not in inherited and not cls.name.startswith("_")]
    return (entry_of_source(kind.name, cls) for cls in chosen)


def _modules(kind: PartKind) -> Iterator[str]:
    """Modules below the kind's package, without the packages of other kinds."""
    root = Path(path(kind.package)).parent
    others = [each.package for each in KINDS.values() if each.package.startswith(f"{kind.package}.")]
    for each in sorted(root.rglob("*.py")):
        module = ".".join([kind.package, *each.relative_to(root).with_suffix("").parts]).removesuffix(".__init__")
        if not any(f"{module}.".startswith(f"{other}.") for other in others):
            yield module


def _fulfils(cls: ClassSource, kind: PartKind) -> bool:
    return kind.contract in cls.ancestors and cls.is_final


@cache
def _offered() -> Any:
    """All entry points of all installed packages; `select(group=...)` gives those of a group."""
    return entry_points()


def _plug_ins(kind: PartKind) -> Iterator[Entry]:
    """Parts that other packages offer for a kind. Another kind may share its group, so classes of another contract are passed over."""
    for point in _offered().select(group=kind.group):
        source = _source_of(point)
        if source is not None:
            if _fulfils(source, kind):
                yield entry_of_source(kind.name, source)
            continue
        cls = point.load()
        home, _, contract = kind.contract.rpartition(".")
        if issubclass(cls, getattr(importlib.import_module(home), contract)) and not inspect.isabstract(cls):
            yield entry_of_class(kind.name, cls)


def _source_of(point: EntryPoint) -> ClassSource | None:
    """The class that an entry point names, where its source can be read."""
    try:
        return next((cls for cls in classes_of(point.module) if cls.name == point.attr), None)
    except (LookupError, ValueError, OSError, SyntaxError):
        return None
