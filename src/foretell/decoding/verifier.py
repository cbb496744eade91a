"""The contract of verifiers: target rows and a tree in, accepted path and next token out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from torch import Tensor

from foretell.decoding.distribution import Distribution
from foretell.decoding.draws import Draws
from foretell.decoding.tree import ROOT, Kind, Tree
from foretell.errors import UserError
from foretell.models.base import Model
from foretell.parts import Guarantee, Part

#: What a verifier keeps across requests, and what it keeps of one request.
Memory = TypeVar("Memory")
State = TypeVar("State")


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


def _no_states(node: int) -> Mapping[int | str, Tensor]:
    return {}


@dataclass(frozen=True)
class Target:
    """What the target says at the nodes of a tree, ROOT (the end of the text) included; asked from the root down.

    distribution(node): the target's distribution of the token after that node. hidden(node): the hidden states of that node's own row, each
    (width,), by the keys that the verifier `needs`.
    """

    distribution: Callable[[int], Distribution]
    hidden: Callable[[int], Mapping[int | str, Tensor]] = _no_states


#: choose(node, siblings, draws): which of the children of an accepted node is accepted, or what remains; as `Verifier.choose`.
Choose = Callable[[int, Sequence[int], Draws], "tuple[int | None, Distribution | int]"]


class Verifier(Part, Generic[Memory, State]):
    """Settings of a verification rule. `kinds` are the draw kinds it handles, `guarantee` what it promises for them.

    Memory lives across requests, state within one. Most rules need neither, and say only how to `choose`; a rule that reads hidden
    states, or remembers what it accepted, overrides `decide` and leaves the way through the tree to `walk`.
    """

    guarantee: ClassVar[Guarantee]
    kinds: ClassVar[frozenset[Kind]]

    def remember(self, model: Model) -> Memory:
        """Memory kept across requests with this model; raises UserError where the rule does not fit the model."""
        return None  # type: ignore[return-value]

    def begin(self, memory: Memory, text: Sequence[int]) -> State:
        """State for a request whose text so far is `text` (token ids)."""
        return memory  # type: ignore[return-value]

    def rewind(self, memory: Memory, state: State, text: Sequence[int]) -> State:
        """State for a request whose text was cut back to `text`; by default the request begins anew."""
        return self.begin(memory, text)

    @abstractmethod
    def choose(self, p: Distribution, siblings: Sequence[int], tree: Tree, draws: Draws) -> tuple[int | None, Distribution | int]:
        """Decide among `siblings` at a node where the target's distribution is p.

        Returns (accepted sibling, _), or (None, what remains): the residual distribution to draw the next token from, or the token
        itself where the rule has drawn it.
        """

    def decide(self, tree: Tree, target: Target, draws: Draws, position: int, state: State | None = None) -> Decision:
        """The accepted path from the root, and the token that follows it.

        position: index in the text of the token that follows the root; randomness of a depth belongs to its position. state: what
        `begin` returned for this request; None in rules that keep none.
        """
        return self.walk(tree, lambda node, siblings, here: self.choose(target.distribution(node), siblings, tree, here), draws, position)

    def walk(self, tree: Tree, choose: Choose, draws: Draws, position: int) -> Decision:
        """Go from the root to an accepted child as long as `choose` accepts one. KindMismatchError for kinds that the rule cannot take."""
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
            child, rest = choose(node, family.get(node, ()), here)
            if child is None:
                return Decision(path, rest if isinstance(rest, int) else rest.draw(here))
            path.append(child)
            node = child
