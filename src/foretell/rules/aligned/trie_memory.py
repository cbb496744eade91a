"""What constraints that learn from samples keep across requests: a trie for each prompt, sampler and length."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from foretell.decoding.sampler import Sampler
from foretell.models.vocabulary import Vocabulary
from foretell.rules.aligned.prefix_trie import PrefixTrie

#: Tries that a memory keeps, of the prompts, samplers and lengths asked last.
_KEPT = 256


class TrieMemory:
    """What was learnt with one vocabulary: a trie for each prompt, sampler and most tokens of a text."""

    def __init__(self, constraint: str, inner: Any, vocabulary: Vocabulary) -> None:
        self.constraint, self.inner, self.vocabulary = constraint, inner, vocabulary
        self._tries: OrderedDict[tuple, PrefixTrie] = OrderedDict()

    def trie(self, prompt: Sequence[int], sampler: Sampler, most: int) -> PrefixTrie:
        """What requests with this prompt (token ids), sampler and `max_new_tokens` have learnt, and go on learning."""
        key = tuple(prompt), sampler, most
        self._tries[key] = self._tries.pop(key) if key in self._tries else PrefixTrie()
        if len(self._tries) > _KEPT:
            self._tries.popitem(last=False)
        return self._tries[key]

    def clear(self) -> None:
        """Forget everything: the next sample is plain masking's."""
        self._tries.clear()

    def save(self, path: str | Path, prompt: Sequence[int], sampler: Sampler, most: int) -> None:
        """Write that trie to a file."""
        self.trie(prompt, sampler, most).save(path, self._fingerprint(prompt, sampler, most))

    def load(self, path: str | Path, prompt: Sequence[int], sampler: Sampler, most: int) -> None:
        """Go on from a trie that was saved of the same prompt, sampler, length, constraint, tokenizer and model; TrieFileError
        otherwise."""
        trie = PrefixTrie.load(path, self._fingerprint(prompt, sampler, most))
        self.trie(prompt, sampler, most)  # makes room
        self._tries[tuple(prompt), sampler, most] = trie

    def _fingerprint(self, prompt: Sequence[int], sampler: Sampler, most: int) -> dict[str, str]:
        digest = hashlib.sha256(repr(list(prompt)).encode()).hexdigest()[:16]
        about = {"prompt": digest, "sampler": repr(sampler), "max_new_tokens": str(most), "constraint": self.constraint}
        return {**about, "tokenizer": self.vocabulary.fingerprint, "model": self.vocabulary.model}
