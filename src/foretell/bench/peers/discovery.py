"""Finds peers: every `Peer` in this package, and those that other packages offer through the entry point foretell.peers."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Sequence
from functools import cache
from importlib.metadata import entry_points

import foretell.bench.peers as package
from foretell.bench.peers.base import Peer, PeerArm, PeerSetup
from foretell.errors import UserError
from foretell.parts import UnknownNameError, nearest

ALL = "all"


@cache
def peers() -> dict[str, Peer]:
    """All variants of all peers by name."""
    modules = [importlib.import_module(f"{package.__name__}.{info.name}") for info in pkgutil.iter_modules(package.__path__)]
    classes = [cls for module in modules for cls in vars(module).values() if getattr(cls, "__module__", "") == module.__name__]
    classes += [entry.load() for entry in entry_points(group="foretell.peers")]
    found: dict[str, Peer] = {}
    for cls in classes:
        if isinstance(cls, type) and issubclass(cls, Peer) and not inspect.isabstract(cls):
            found |= {peer.name: peer for peer in cls.variants()}
    return dict(sorted(found.items()))


def peer_arms(names: Sequence[str], setup: PeerSetup, limit: int | None = None) -> tuple[list[PeerArm], dict[str, str]]:
    """Arms of the peers called `names` ("all": every one that can run), and why others cannot run: {name: reason}.

    Asking for a peer by name that cannot run is an error; with "all" it is left out with its reason.
    """
    known = peers()
    for name in names:
        if name != ALL and name not in known:
            raise UnknownNameError(f"there is no peer called {name!r}: {nearest(name, [*known, ALL])}")
    chosen = list(known) if ALL in names else list(dict.fromkeys(names))
    problems = {name: problem for name in chosen if (problem := known[name].problem(setup))}
    for name in names:
        if name in problems:
            raise UserError(f"peer {name!r} cannot run: {problems[name]}")
    return [PeerArm(known[name], setup, limit) for name in chosen if name not in problems], problems
