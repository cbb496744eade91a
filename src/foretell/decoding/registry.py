"""Finds parts: every final part class in the package, plus those that other packages offer through entry points.

Nobody keeps a list. A part's name is its class name in lower-case with hyphens: `PromptLookup` is "prompt-lookup".
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from foretell.parts import Part, UnknownNameError, nearest

#: Kinds of parts and the folder of each, which also ends its entry-point group ("foretell.drafters").
ROOMS = {
    "drafter": "drafters",
    "verifier": "verifiers",
    "pace": "paces",
    "sampler": "samplers",
    "router": "routers",
    "search": "searches",
    "constraint": "constraints",
    "chooser": "choosers",
}
#: The contract's class, in decoding/<kind>.py.
CONTRACTS = {
    "drafter": "Drafter",
    "verifier": "Verifier",
    "pace": "Pace",
    "sampler": "SamplerStep",
    "router": "Router",
    "search": "Search",
    "constraint": "Constraint",
    "chooser": "OnlineChooser",
}


def name_of(cls: type) -> str:
    """The name that recipes and the command line use for a part. A class whose capitals mislead says its own, as `NAME`.

    >>> from foretell.decoding.verifiers.multi_round import MultiRound
    >>> name_of(MultiRound)
    'multi-round'
    """
    return vars(cls).get("NAME") or re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", cls.__name__).lower()


@cache
def parts(kind: str) -> dict[str, type[Part]]:
    """All parts of a kind ("drafter", "verifier", "pace", "sampler", "router", "search", "constraint",
    "chooser") by name, our own and plug-ins'."""
    if kind not in ROOMS:
        raise UnknownNameError(f"kind={kind!r} is not a kind of part; {nearest(kind, ROOMS)}")
    found: dict[str, type[Part]] = {}
    base = getattr(importlib.import_module(f"foretell.decoding.{kind}"), CONTRACTS[kind])
    package = importlib.import_module(f"foretell.{'rules' if kind == 'constraint' else 'decoding'}.{ROOMS[kind]}")
    modules = [importlib.import_module(f"{package.__name__}.{info.name}") for info in pkgutil.iter_modules(package.__path__)]
    classes = [cls for module in modules for cls in vars(module).values() if getattr(cls, "__module__", "") == module.__name__]
    classes += [entry.load() for entry in entry_points(group=f"foretell.{ROOMS[kind]}")]
    for cls in classes:
        if isinstance(cls, type) and issubclass(cls, base) and not inspect.isabstract(cls):
            found[name_of(cls)] = cls
    return dict(sorted(found.items()))


def find(name: str, kind: str | None = None) -> tuple[str, type[Part]]:
    """(kind, class) of the part called `name`; UnknownNameError with the nearest name otherwise."""
    kinds = [kind] if kind else list(ROOMS)
    for candidate in kinds:
        for known_as, cls in parts(candidate).items():
            if name == known_as or name in cls.aliases:
                return candidate, cls
    known = [known for candidate in kinds for known in parts(candidate)]
    raise UnknownNameError(f"there is no {kind or 'part'} called {name!r}: {nearest(name, known)}")


def build(name: str, kind: str | None = None, /, **options: Any) -> Part:
    """The part called `name` with these options."""
    return find(name, kind)[1](**options)
