"""The peers that a bench can run, by the names that users type: all variants of all `Peer` classes in the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from foretell.bench.peers.base import Peer, PeerArm, PeerSetup
from foretell.catalog import parts
from foretell.errors import UserError
from foretell.parts import UnknownNameError, nearest

ALL = "all"


@cache
def peers() -> dict[str, Peer]:
    """All variants of all peers by name."""
    found = {peer.name: peer for cls in parts("peer").values() for peer in cls.variants()}
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
