"""Prompt lookup: copy the tokens that followed an earlier occurrence of the last tokens in the request's own text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from foretell.decoding.drafter import Ask, Drafter, Traits
from foretell.decoding.tree import Tree
from foretell.parts import require


@dataclass
class _Index:
    """ends: by n-gram, the last index at which it ended before the text's last token. length: indexed tokens."""

    ends: dict[tuple[int, ...], int] = field(default_factory=dict)
    length: int = 0


@dataclass(frozen=True)
class PromptLookup(Drafter[None, _Index]):
    """Finds the latest earlier occurrence of the last n tokens, longest n first, and proposes the tokens that followed it. Where the copy
    reaches the end of the text, it continues with the copied tokens, so that repetitions are continued to any length.

    max_ngram: longest match tried. min_ngram: shortest match used. num_tokens: most tokens proposed.

    Guarantee: exact under any verifier that takes fixed candidates. Needs: nothing of the model. Cost: one dictionary entry per
    token and n; a proposal takes microseconds. State: the index of the request's own text. Grade: n of the match.

    Saxena, "Prompt Lookup Decoding", 2023; Yang et al., "Inference with Reference", section 3 (the same with a given reference).
    Errors: UserError for n-gram sizes below 1 or out of order, or num_tokens below 1.

    >>> from foretell.decoding.sampler import Sampler
    >>> drafter, text = PromptLookup(num_tokens=3), [7, 8, 9, 1, 7, 8]
    >>> drafter.propose([Ask(text, 4, drafter.begin(None, text), 8, 8, Sampler(greedy=True), None)])[0].tokens
    [9, 1, 7]
    """

    papers = ("prompt-lookup-decoding", "inference-with-reference")

    max_ngram: int = 3
    min_ngram: int = 1
    num_tokens: int = 10

    def __post_init__(self) -> None:
        require(self.min_ngram >= 1, self, "min_ngram", self.min_ngram, "must be at least 1")
        require(self.max_ngram >= self.min_ngram, self, "max_ngram", self.max_ngram, f"must be at least min_ngram={self.min_ngram}")
        require(self.num_tokens >= 1, self, "num_tokens", self.num_tokens, "must be at least 1")

    @property
    def traits(self) -> Traits:
        return Traits(rests=True)

    def resume(self, memory: None, state: _Index, text: Sequence[int]) -> _Index:
        return state  # a proposal reads what is new of the text

    def begin(self, memory: None, text: Sequence[int], cached: int = 0) -> _Index:
        return _Index()

    def propose(self, asks: Sequence[Ask]) -> list[Tree]:
        return [self._look_up(ask) for ask in asks]

    def _look_up(self, ask: Ask) -> Tree:
        text, index = ask.tokens, ask.state
        for end in range(index.length, len(text) - 1):  # n-grams that end before the last token have a continuation
            for n in range(self.min_ngram, min(self.max_ngram, end + 1) + 1):
                index.ends[tuple(text[end + 1 - n : end + 1])] = end
        index.length = max(index.length, len(text) - 1)
        for n in range(min(self.max_ngram, len(text)), self.min_ngram - 1, -1):
            end = index.ends.get(tuple(text[-n:]))
            if end is not None:
                copied: list[int] = []
                for source in range(end + 1, end + 1 + min(self.num_tokens, ask.num_nodes, ask.depth)):
                    copied.append(text[source] if source < len(text) else copied[source - len(text)])
                return Tree.chain(copied, self.name, grade=n)
        return Tree()
