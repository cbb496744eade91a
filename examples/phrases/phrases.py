"""An example plug-in: a drafter that knows phrases by heart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foretell.decoding.drafter import Ask, Drafter
from foretell.decoding.tree import Tree
from foretell.parts import require


@dataclass(frozen=True)
class Phrases(Drafter):
    """Where the text ends in the beginning of a known phrase, propose the rest of it.

    phrases: phrases as token ids, for example the lines of a licence or of a form letter. min_match: at least so many tokens
    of a phrase must stand at the end of the text; the longest match wins.

    Guarantee: exact under any verifier that takes fixed candidates. Needs: nothing of the model. Cost: one comparison for each
    phrase and length. State: none. Grade: tokens matched. Errors: ValueError for min_match below 1.

    Copying from a given text as in Yang et al., "Inference with Reference: Lossless Acceleration of Large Language Models",
    section 3, with phrases in place of whole documents.

    >>> from foretell.decoding.sampler import Sampler
    >>> ask = Ask([5, 1, 2], 1, None, num_nodes=8, depth=8, sampler=Sampler(greedy=True), draws=None)
    >>> Phrases(((1, 2, 3, 4),)).propose([ask])[0].tokens
    [3, 4]
    """

    papers = ("inference-with-reference",)

    phrases: tuple[tuple[int, ...], ...] = ()
    min_match: int = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "phrases", tuple(tuple(phrase) for phrase in self.phrases))
        require(self.min_match >= 1, self, "min_match", self.min_match, "must be at least 1")

    @classmethod
    def examples(cls) -> list[Phrases]:
        """Settings small enough for the law kit's tiny models; some drafts must be accepted and some rejected."""
        return [cls(((0, 1, 2, 0, 1), (2, 2, 1)), min_match=1)]

    def propose(self, asks: Sequence[Ask]) -> list[Tree]:
        return [self._go_on(ask) for ask in asks]

    def _go_on(self, ask: Ask) -> Tree:
        matches = [(self._match(ask.tokens, phrase), phrase) for phrase in self.phrases]
        num, phrase = max(matches, default=(0, ()))
        if num < self.min_match:
            return Tree()
        return Tree.chain(phrase[num:][: min(ask.num_nodes, ask.depth)], self.name, grade=min(num, 8))

    @staticmethod
    def _match(text: Sequence[int], phrase: Sequence[int]) -> int:
        """How many tokens of the phrase's beginning the text ends in."""
        longest = min(len(phrase) - 1, len(text))
        return next((n for n in range(longest, 0, -1) if list(text[-n:]) == list(phrase[:n])), 0)
