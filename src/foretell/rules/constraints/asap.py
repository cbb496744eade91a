"""ASAp, grammar-aligned decoding: the model's distribution given that the text obeys, approached with every sample."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from foretell.decoding.constraint import Constraint, Ended, State
from foretell.decoding.distribution import Distribution
from foretell.decoding.sampler import Sampler
from foretell.decoding.token_set import TokenSet
from foretell.errors import UserError
from foretell.models.vocabulary import Vocabulary
from foretell.parts import require
from foretell.rules.aligned.prefix_trie import Node, PrefixTrie
from foretell.rules.aligned.trie_memory import TrieMemory

#: Most tokens of a text where nobody has said so.
_UNLIMITED = sys.maxsize
#: The distribution of the next token as far as it is allowed: ids (k,), ascending, and their probabilities (k,), which need not sum to 1.
Allowed = tuple[NDArray[np.int64], NDArray[np.float64]]


@dataclass(frozen=True)
class Asap(Constraint):
    """Texts that obey `constraint`, drawn from the model's distribution of such texts instead of that of step-by-step masking.

    Masking takes every allowed token for as good as another, wherever it leads. Here each is weighed by what was seen below it in
    earlier samples: a bound on the chance that the model, left free, would go on to obey. Bounds start at 1, so the first sample is
    that of plain masking; they only fall, and once all that is possible was seen the distribution is reached. The bound at the beginning
    (`memory(vocabulary).trie(...).root.log_c`) tells how often the free model would obey.

    constraint: any other.

    Guarantee: that of plain decoding with the request's sampler and `max_new_tokens`, given that the text obeys; condition: in the limit
    of many samples of one prompt. Each sample is exact for the distribution of its moment under every exact verifier: what was drafted
    teaches nothing, so it does not depend on it. The sampler's steps apply to the unmasked row, as in plain decoding: top-k may leave
    nothing that is allowed, which is a dead end. Texts cut by the length do not obey unless they may end there.
    Needs: many samples of one prompt. Cost: one softmax over the vocabulary a node, and a row more for a text that cannot go on,
    as the chance of its stop token matters, until that is known. State: that of the constraint. Memory: a trie for each prompt,
    sampler and length, a node for each prefix drawn; the same seed gives another text once something was learnt.

    Park et al., "Grammar-Aligned Decoding", section 3. Departures: tokens not drawn yet are kept as one sum; parts of the trie that
    are known to the end are marked, so that one sees when the distribution is reached; a length limit is part of the distribution.
    Errors: ValueError for greedy samplers, and where no text of the constraint has any chance.

    >>> import torch
    >>> from foretell.rules.constraints.regex import Regex
    >>> state = Asap(Regex("ab?")).start(Vocabulary((b"a", b"b", None), frozenset({2})))
    >>> state.distribution(Sampler(), torch.zeros(3), [2], 1).ids.tolist()
    [0]
    """

    papers = ("grammar-aligned",)

    constraint: Constraint
    aliases = ("grammar-aligned",)

    def __post_init__(self) -> None:
        good = isinstance(self.constraint, Constraint) and not isinstance(self.constraint, Asap)
        require(good, self, "constraint", self.constraint, "must be a constraint of another kind, such as Regex('[01]+')")

    @classmethod
    def examples(cls) -> list[Asap]:
        from foretell.rules.constraints.regex import Regex

        return [cls(Regex("(ab)*a?"))]

    def remember(self, vocabulary: Vocabulary) -> TrieMemory:
        return TrieMemory(repr(self.constraint), self.constraint.remember(vocabulary), vocabulary)

    def forget(self, vocabulary: Vocabulary) -> None:
        self.memory(vocabulary).clear()

    def begin(self, memory: TrieMemory, prompt: Sequence[int] = ()) -> AsapState:
        return AsapState(self.constraint.begin(memory.inner, prompt), PrefixTrie(), _UNLIMITED, beginning=(memory, tuple(prompt)))


class _Visit:
    """What a state shares with those that follow it: its node, None until it is in the trie, and the distribution that was seen there."""

    node: Node | None = None
    distribution: Allowed | None = None


class AsapState(State):
    """The inner state with its place in the trie. Following a token twice gives one state, so that none is visited unawares."""

    def __init__(
        self,
        inner: State,
        trie: PrefixTrie,
        most: int,
        depth: int = 0,
        above: _Visit | None = None,
        token: int = -1,
        beginning: tuple[TrieMemory, tuple[int, ...]] | None = None,
    ) -> None:
        self.inner, self.trie, self.most, self.depth, self.above, self.token = inner, trie, most, depth, above, token
        self.vocabulary, self.beginning = inner.vocabulary, beginning
        self.visit = _Visit()
        self.following: dict[int, State] = {}

    @property
    def node(self) -> Node | None:
        """Its node in the trie; None before it was visited."""
        if self.visit.node is None:
            if self.above is None:
                self.visit.node = self.trie.root
            elif self.above.node is not None:
                self.visit.node = self.above.node.children.get(self.token)
        return self.visit.node

    def serving(self, sampler: Sampler, most: int) -> State:
        if sampler.greedy:
            raise UserError(
                f"Asap: sampler={sampler!r} takes the best token, which leaves no distribution to align; give a temperature above 0"
            )
        assert self.beginning is not None  # only the loop's first state is asked
        memory, prompt = self.beginning
        return AsapState(self.inner, memory.trie(prompt, sampler, most), most, beginning=self.beginning)

    def allowed(self) -> TokenSet:
        return self.inner.allowed()

    def accepts(self, token: int) -> bool:
        return self.inner.accepts(token)

    @property
    def accepting(self) -> bool:
        return self.inner.accepting

    @property
    def finished(self) -> bool:
        """Not before it is known how likely the model ends the text here."""
        return self.inner.finished and (self.depth >= self.most or (self.node is not None and self.node.visited))

    def forced(self, most: int = 64) -> list[int]:
        return self.inner.forced(most)

    def advance(self, token: int) -> State:
        if token not in self.following:
            after, _ = self.inner.advance(token), self.node
            if not isinstance(after, Ended):
                after = AsapState(after, self.trie, self.most, self.depth + 1, self.visit, token)
            self.following[token] = after
        return self.following[token]

    def distribution(self, sampler: Sampler, logits: Tensor, history: Sequence[int], prompt_length: int) -> Distribution:
        distribution = self._weighed(self._allowed(sampler.distribution(logits, history, prompt_length)))
        return self.inner.distribution(sampler, logits, history, prompt_length) if distribution is None else distribution

    def target_distribution(self, sampler: Sampler, logits: Tensor, history: Sequence[int], prompt_length: int) -> Distribution:
        self.visit.distribution = self._allowed(sampler.distribution(logits, history, prompt_length))
        node = self._placed()
        if node is not None:
            self.trie.visit(node, *self.visit.distribution, self.vocabulary.stop_tokens)
        distribution = self._weighed(self.visit.distribution)
        if distribution is None and not self.depth:
            raise self.hopeless()
        return Distribution.point(self.vocabulary.size, min(self.vocabulary.stop_tokens)) if distribution is None else distribution

    def ended(self) -> None:
        if self.depth >= self.most:
            node = self._placed()
            if node is not None:
                self.trie.close(node, 0.0 if self.inner.accepting else -math.inf)

    def hopeless(self) -> UserError:
        """The error where no text has any chance."""
        return UserError(
            f"Asap: with this sampler the model gives no text of at most {self.most} tokens that obeys any chance; loosen the "
            "constraint or the sampler, or allow more tokens"
        )

    def _allowed(self, distribution: Distribution) -> Allowed:
        keep = self.allowed().mask[distribution.ids]
        return distribution.ids[keep], distribution.probs[keep]

    def _weighed(self, allowed: Allowed) -> Distribution | None:
        """The distribution of the next token as far as it is known what comes of each; None at a dead end."""
        ids, probs = allowed
        weights = np.log(probs)
        for token, child in () if self.node is None else self.node.children.items():
            place = int(ids.searchsorted(token))
            if place < len(ids) and ids[place] == token:
                weights[place] += child.log_c
        best = weights.max(initial=-math.inf)
        return None if best == -math.inf else Distribution.of(np.exp(weights - best), ids, self.vocabulary.size)

    def _placed(self) -> Node | None:
        """Its node, put into the trie where it is not there yet; None where what came before it was not seen."""
        if self.node is None and self.above is not None and self.above.node is not None and self.above.distribution is not None:
            ids, probs = self.above.distribution
            place = int(ids.searchsorted(self.token))  # beyond it, or another's, only where a verifier is not exact
            p = float(probs[place]) if place < len(ids) and ids[place] == self.token else 0.0
            self.visit.node = self.trie.add(self.above.node, self.token, p)
            self.trie.visit(self.above.node, ids, probs, self.vocabulary.stop_tokens)
        return self.node
