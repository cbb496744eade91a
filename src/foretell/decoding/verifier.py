"""The contract of verifiers: from the target's distributions and a tree to the accepted path and the next token."""

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
from foretell.moved import warn_moved
from foretell.parts import Guarantee, Part

#: What a verifier keeps across requests, and what it keeps for one request.
Memory = TypeVar("Memory")
State = TypeVar("State")


@dataclass
class Decision:
    """path: accepted nodes from the root down. token: the token that follows them."""

    path: list[int]
    token: int


class KindMismatchError(UserError):
    """A verifier got a node of a draw kind that it is not exact for, or a q that cannot have drawn the node's token."""


def odds(p: Distribution, q: Distribution, token: int) -> float:
    """p(token) / q(token); clipped at 1 it is the acceptance probability. KindMismatchError where q(token) is 0."""
    q_token = q[token]
    if q_token <= 0:
        raise KindMismatchError(f"token {token} has probability 0 in the q that it was drawn from; the drafter's kind or q is wrong")
    return p[token] / q_token


def _no_states(node: int) -> Mapping[int | str, Tensor]:
    return {}


@dataclass(frozen=True)
class Target:
    """The target's output at the nodes of a tree and at ROOT, the end of the text. Nodes must be read from the root down.

    distribution(node): the target's distribution of the token after that node. hidden(node): the hidden states of that node's row, (width,)
    each, by the keys that the verifier `needs`.
    """

    distribution: Callable[[int], Distribution]
    hidden: Callable[[int], Mapping[int | str, Tensor]] = _no_states


#: choose(node, siblings, draws): the accepted child of an accepted node, or what remains; returns as `Verifier.choose` does.
Choose = Callable[[int, Sequence[int], Draws], "tuple[int | None, Distribution | int]"]


class Verifier(Part, Generic[Memory, State]):
    """Settings of a verification rule. kinds: the draw kinds that it accepts. guarantee: what it guarantees for them.

    Memory lives across requests, state within one. Most rules need neither and implement only `choose`. A rule that reads hidden states or
    keeps a state overrides `decide`, and uses `walk` to go through the tree.
    """

    guarantee: ClassVar[Guarantee]
    kinds: ClassVar[frozenset[Kind]]

    @property
    def law(self) -> Guarantee:
        """`guarantee`, by its former name."""
        warn_moved("Verifier.law", "Verifier.guarantee")
        return self.guarantee

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
        """Accept one of the `siblings` or none, at a node where the target's distribution is p.

        Returns (accepted sibling, _), or (None, remainder). The remainder is the residual distribution that the next token is drawn from,
        or the token itself where the rule has drawn it.
        """

    def decide(self, tree: Tree, target: Target, draws: Draws, position: int, state: State | None = None) -> Decision:
        """The accepted path from the root, and the token that follows it.

        position: index in the text of the token that follows the root; each depth uses the draws of its own position. state: what `begin`
        returned for this request; None for rules without state.
        """
        return self.walk(tree, lambda node, siblings, own: self.choose(target.distribution(node), siblings, tree, own), draws, position)

    def walk(self, tree: Tree, choose: Choose, draws: Draws, position: int) -> Decision:
        """Go from the root to the accepted child as long as `choose` accepts one. KindMismatchError for draw kinds not in `kinds`."""
        family = tree.children() if len(tree) else {}
        for kind in set(tree.kinds) - self.kinds if len(tree) else ():
            raise KindMismatchError(
                f"{type(self).__name__} is not exact for {kind.value} drafts (it takes {', '.join(sorted(k.value for k in self.kinds))}); "
                "use the verifier 'exact', which takes all kinds"
            )
        path: list[int] = []
        node = ROOT
        while True:
            own = draws.at(position + len(path))  # of this position
            child, rest = choose(node, family.get(node, ()), own)
            if child is None:
                return Decision(path, rest if isinstance(rest, int) else rest.draw(own))
            path.append(child)
            node = child
