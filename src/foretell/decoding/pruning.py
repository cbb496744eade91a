"""Drafts under a constraint: what it forbids is taken out before anything is computed for it."""

from __future__ import annotations

from foretell.decoding.constraints.base import State
from foretell.decoding.tree import ROOT, Kind, Tree


def pruned(tree: Tree, state: State) -> Tree:
    """`tree`, whose root is at `state`, without the fixed candidates that the constraint forbids and all that hangs on them.

    A sampled node stays even where it is forbidden, since taking it out would depend on the token drawn and so bias the output;
    the verifier gives it no chance. What hangs on it goes: it is never reached.
    """
    states: dict[int, State | None] = {ROOT: state}
    kept: list[int] = []
    for node, (token, parent, kind) in enumerate(zip(tree.tokens, tree.parents, tree.kinds, strict=True)):
        before = states.get(parent)
        if before is None:
            continue
        good = before.accepts(token)
        if good or kind is not Kind.FIXED:
            kept.append(node)
            states[node] = before.advance(token) if good else None
    return tree if len(kept) == len(tree) else tree.subtree(kept)
