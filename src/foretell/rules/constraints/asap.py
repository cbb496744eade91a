"""ASAp, grammar-aligned decoding: the model's distribution given that the text obeys, approached with every sample."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from foretell.decoding.constraint import Constraint
from foretell.models.vocabulary import Vocabulary
from foretell.parts import require
from foretell.rules.aligned.asap_state import AsapState, TrieMemory
from foretell.rules.aligned.prefix_trie import PrefixTrie

#: The length limit of a state outside of a request.
_UNLIMITED = sys.maxsize


@dataclass(frozen=True)
class Asap(Constraint[TrieMemory]):
    """Texts that obey `constraint`, drawn from the model's distribution conditioned on obeying, and not from that of masking.

    Masking treats all allowed tokens alike, wherever they lead. ASAp weights each token by an upper bound on the probability that the
    unconstrained model would go on to obey after it. Bounds start at 1, so the first sample is that of plain masking. They fall with
    what is learnt from samples, and once all possible texts were seen the conditional distribution is reached. The bound at the root
    (`memory(vocabulary).trie(...).root.log_c`) is the probability that the unconstrained model obeys.

    constraint: any other constraint.

    Guarantee: plain decoding with the request's sampler and `max_new_tokens`, conditioned on the text obeying; condition: in the limit of
    many samples of one prompt. Each sample is exact for the current distribution under every exact verifier; drafts do not change what is
    learnt. The sampler's steps apply to the unmasked row, as in plain decoding: top-k may leave nothing that is allowed, which is a
    dead end. Texts cut by the length limit obey only if they may end there.
    Needs: many samples of one prompt. Cost: one softmax over the vocabulary a node, and one more row for a text that cannot continue,
    until the probability of its stop token is known. State: that of the constraint. Memory: a trie for each prompt, sampler and length
    limit, with a node for each prefix drawn; the same seed gives another text once something was learnt.

    Park et al., "Grammar-Aligned Decoding", section 3. Departures: the mass of tokens not drawn yet is kept as one sum; subtrees that are
    known completely are marked, which shows when the distribution is reached; a length limit is part of the distribution.
    Errors: UserError for greedy samplers, and if every text of the constraint has probability 0.

    >>> import torch
    >>> from foretell.decoding.sampler import Sampler
    >>> from foretell.rules.constraints.regex import Regex
    >>> state = Asap(Regex("ab?")).start(Vocabulary((b"a", b"b", None), frozenset({2})))
    >>> state.distribution(Sampler(), torch.zeros(3), [2], 1).ids.tolist()
    [0]
    """

    papers = ("grammar-aligned",)

    constraint: Constraint
    aliases = ("grammar-aligned",)

    def __post_init__(self) -> None:
        is_other = isinstance(self.constraint, Constraint) and not isinstance(self.constraint, Asap)
        require(is_other, self, "constraint", self.constraint, "must be a constraint of another kind, such as Regex('[01]+')")

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
