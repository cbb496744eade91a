"""The states of ASAp, and what they learn from samples: a trie for each prompt, sampler and length limit."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from foretell.decoding.constraint import ConstraintState, EndedState
from foretell.decoding.distribution import Distribution
from foretell.decoding.sampler import Sampler
from foretell.decoding.token_set import TokenSet
from foretell.errors import UserError
from foretell.models.vocabulary import Vocabulary
from foretell.pool import Pool
from foretell.rules.aligned.prefix_trie import PrefixNode, PrefixTrie

#: Tries that a memory keeps.
_MAX_TRIES = 256
#: Allowed tokens of a distribution: ids (k,) in ascending order, and their probabilities (k,), which sum to at most 1.
AllowedProbabilities = tuple[NDArray[np.int64], NDArray[np.float64]]


class TrieMemory:
    """What was learnt with one vocabulary: a trie for each prompt, sampler and length limit.

    constraint: its short text, for files. inner: the memory of the wrapped constraint.
    """

    def __init__(self, constraint: str, inner: Any, vocabulary: Vocabulary) -> None:
        self.constraint, self.inner, self.vocabulary = constraint, inner, vocabulary
        self._tries: Pool[tuple[tuple[int, ...], Sampler, int], PrefixTrie] = Pool(_MAX_TRIES)

    def trie(self, prompt: Sequence[int], sampler: Sampler, max_new_tokens: int) -> PrefixTrie:
        """The trie that requests with this prompt (token ids), sampler and length limit share."""
        return self._tries.get((tuple(prompt), sampler, max_new_tokens), PrefixTrie)

    def clear(self) -> None:
        """Drop everything; the next sample is that of plain masking."""
        self._tries.clear()

    def save(self, path: str | Path, prompt: Sequence[int], sampler: Sampler, max_new_tokens: int) -> None:
        """Write that trie to a file."""
        self.trie(prompt, sampler, max_new_tokens).save(path, self._fingerprint(prompt, sampler, max_new_tokens))

    def load(self, path: str | Path, prompt: Sequence[int], sampler: Sampler, max_new_tokens: int) -> None:
        """Continue from a saved trie. TrieFileError unless prompt, sampler, limit, constraint, tokenizer and model are the same."""
        trie = PrefixTrie.load(path, self._fingerprint(prompt, sampler, max_new_tokens))
        self._tries.put((tuple(prompt), sampler, max_new_tokens), trie)

    def _fingerprint(self, prompt: Sequence[int], sampler: Sampler, max_new_tokens: int) -> dict[str, str]:
        digest = hashlib.sha256(repr(list(prompt)).encode()).hexdigest()[:16]
        request = {"prompt": digest, "sampler": repr(sampler), "max_new_tokens": str(max_new_tokens), "constraint": self.constraint}
        return {**request, "tokenizer": self.vocabulary.fingerprint, "model": self.vocabulary.model}


class _Visit:
    """What a state shares with those after it. node: its node, None until it is in the trie. allowed: the target's probabilities there."""

    node: PrefixNode | None = None
    allowed: AllowedProbabilities | None = None


class AsapState(ConstraintState):
    """The inner state with its node in the trie. The same token always leads to the same object, so that no visit is missed.

    beginning: the memory and the prompt, for the first state of a request.
    """

    def __init__(
        self,
        inner: ConstraintState,
        trie: PrefixTrie,
        max_new_tokens: int,
        depth: int = 0,
        parent: _Visit | None = None,
        token: int = -1,
        beginning: tuple[TrieMemory, tuple[int, ...]] | None = None,
    ) -> None:
        self.inner, self.trie, self.max_new_tokens = inner, trie, max_new_tokens
        self.depth, self.parent, self.token = depth, parent, token
        self.vocabulary, self.beginning = inner.vocabulary, beginning
        self.visit = _Visit()
        self.following: dict[int, ConstraintState] = {}

    @property
    def node(self) -> PrefixNode | None:
        """The state's node in the trie; None before the first visit."""
        if self.visit.node is None:
            if self.parent is None:
                self.visit.node = self.trie.root
            elif self.parent.node is not None:
                self.visit.node = self.parent.node.children.get(self.token)
        return self.visit.node

    def for_request(self, sampler: Sampler, max_new_tokens: int) -> ConstraintState:
        if sampler.greedy:
            raise UserError(
                f"Asap: sampler={sampler!r} takes the best token, which leaves no distribution to align; set a temperature above 0"
            )
        assert self.beginning is not None  # the loop asks the first state only
        memory, prompt = self.beginning
        trie = memory.trie(prompt, sampler, max_new_tokens)
        return AsapState(self.inner, trie, max_new_tokens, beginning=self.beginning)

    def allowed(self) -> TokenSet:
        return self.inner.allowed()

    def accepts(self, token: int) -> bool:
        return self.inner.accepts(token)

    @property
    def accepting(self) -> bool:
        return self.inner.accepting

    @property
    def finished(self) -> bool:
        """Not before the probability is known with which the model ends the text here."""
        return self.inner.finished and (self.depth >= self.max_new_tokens or (self.node is not None and self.node.is_visited))

    def ending(self, max_tokens: int) -> list[int] | None:
        return None  # a text that the model did not write to its end is no sample of its distribution

    def forced(self, max_tokens: int = 64) -> list[int]:
        return self.inner.forced(max_tokens)

    def advance(self, token: int) -> ConstraintState:
        if token not in self.following:
            after, _ = self.inner.advance(token), self.node
            if not isinstance(after, EndedState):
                after = AsapState(after, self.trie, self.max_new_tokens, self.depth + 1, self.visit, token)
            self.following[token] = after
        return self.following[token]

    def distribution(self, sampler: Sampler, logits: Tensor, history: Sequence[int], prompt_length: int) -> Distribution:
        distribution = self._weighted(self._allowed_part(sampler.distribution(logits, history, prompt_length)))
        return self.inner.distribution(sampler, logits, history, prompt_length) if distribution is None else distribution

    def target_distribution(self, sampler: Sampler, logits: Tensor, history: Sequence[int], prompt_length: int) -> Distribution:
        self.visit.allowed = self._allowed_part(sampler.distribution(logits, history, prompt_length))
        node = self._added_node()
        if node is not None:
            self.trie.visit(node, *self.visit.allowed, self.vocabulary.stop_tokens)
        distribution = self._weighted(self.visit.allowed)
        if distribution is None and not self.depth:
            raise self.no_text_error()
        return Distribution.point(self.vocabulary.size, min(self.vocabulary.stop_tokens)) if distribution is None else distribution

    def end_request(self) -> None:
        if self.depth >= self.max_new_tokens:
            node = self._added_node()
            if node is not None:
                self.trie.close(node, 0.0 if self.inner.accepting else -math.inf)

    def no_text_error(self) -> UserError:
        """The error if every text has probability 0."""
        return UserError(
            f"Asap: with this sampler every text of at most {self.max_new_tokens} tokens that obeys has probability 0; loosen the "
            "constraint or the sampler, or allow more tokens"
        )

    def _allowed_part(self, distribution: Distribution) -> AllowedProbabilities:
        is_allowed = self.allowed().mask[distribution.ids]
        return distribution.ids[is_allowed], distribution.probs[is_allowed]

    def _weighted(self, allowed: AllowedProbabilities) -> Distribution | None:
        """The probabilities times the bounds of the nodes they lead to, normalised; None at a dead end."""
        ids, probs = allowed
        weights = np.log(probs)
        for token, child in () if self.node is None else self.node.children.items():
            index = int(ids.searchsorted(token))
            if index < len(ids) and ids[index] == token:
                weights[index] += child.log_c
        best = weights.max(initial=-math.inf)
        return None if best == -math.inf else Distribution.of(np.exp(weights - best), ids, self.vocabulary.size)

    def _added_node(self) -> PrefixNode | None:
        """The state's node, added to the trie if it is missing; None if its parent was not visited."""
        parent = self.parent
        if self.node is None and parent is not None and parent.node is not None and parent.allowed is not None:
            ids, probs = parent.allowed
            index = int(ids.searchsorted(self.token))  # the token is missing only under a verifier that is not exact
            p = float(probs[index]) if index < len(ids) and ids[index] == self.token else 0.0
            self.visit.node = self.trie.add(parent.node, self.token, p)
            self.trie.visit(parent.node, ids, probs, self.vocabulary.stop_tokens)
        return self.node
