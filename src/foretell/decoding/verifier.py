"""The contract of verifiers: target rows and a tree in, accepted path and next token out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from foretell.decoding.distribution import Distribution
from foretell.decoding.draws import Draws
from foretell.decoding.tree import ROOT, Kind, Tree
from foretell.errors import UserError
from foretell.parts import Guarantee, Part


@dataclass
class Decision:
    """Accepted nodes from the root down, and the token that follows them."""

    path: list[int]
    token: int


class KindMismatchError(UserError):
    """A verifier met a node drawn in a way it is not exact for."""


def odds(p: Distribution, q: Distribution, token: int) -> float:
    """p(token) / q(token), the chance (cut at 1) that a drafted token is accepted; KindMismatchError where q cannot have drawn it."""
    chance = q[token]
    if chance <= 0:
        raise KindMismatchError(f"token {token} has probability 0 in the q it is said to be drawn from; the drafter's kind or q is wrong")
    return p[token] / chance


class Verifier(Part):
    """Settings of a verification rule. `kinds` are the draw kinds it handles, `distribution` what it promises for them."""

    guarantee: ClassVar[Guarantee]
    kinds: ClassVar[frozenset[Kind]]

    @abstractmethod
    def choose(self, p: Distribution, siblings: Sequence[int], tree: Tree, draws: Draws) -> tuple[int | None, Distribution | int]:
        """Decide among `siblings` at a node whose target distribution is p.

        Returns (accepted sibling, _), or (None, what remains): the residual distribution to draw the next token from, or the token
        itself where the rule has drawn it.
        """

    def decide(self, tree: Tree, target: Callable[[int], Distribution], draws: Draws, position: int) -> Decision:
        """Walk down from the root. target(node): the target's distribution after that node (ROOT: after the text).

        position: index in the text of the token that follows the root; randomness of a depth belongs to its position.
        """
        family = tree.children() if len(tree) else {}
        for kind in set(tree.kinds) - self.kinds if len(tree) else ():
            raise KindMismatchError(
                f"{type(self).__name__} is not exact for {kind.value} drafts (it takes {', '.join(sorted(k.value for k in self.kinds))}); "
                "use the verifier 'exact', which takes all kinds"
            )
        path: list[int] = []
        node = ROOT
        while True:
            here = draws.at(position + len(path))
            child, rest = self.choose(target(node), family.get(node, ()), tree, here)
            if child is None:
                return Decision(path, rest if isinstance(rest, int) else rest.draw(here))
            path.append(child)
            node = child
