"""One of several texts."""

from __future__ import annotations

from dataclasses import dataclass

from foretell.parts import require
from foretell.rules.automata.byte_constraint import ByteConstraint
from foretell.rules.automata.texts import Texts


@dataclass(frozen=True)
class Choices(ByteConstraint):
    """The whole text is one of `texts`; where one begins another ("get", "get_all"), both can be written.

    texts: different ones, any number of them.

    Guarantee: the model's distribution restricted step by step, over all ways to spell the texts in tokens; exact verifiers keep it.
    Needs: what each token writes. Cost: one sort of the texts; a token set is a walk through the tokens that begin them, well below 1 ms,
    kept by state. State: the range of the sorted texts that go on as the text began.

    De Cao et al., "Autoregressive Entity Retrieval", on constrained beam search with a prefix tree; here the tree is one of bytes, so no
    way to cut a name into tokens is left out. Errors: ValueError for no text, for the same one twice, and where tokens write none.

    >>> from foretell.models.vocabulary import Vocabulary
    >>> vocabulary = Vocabulary((b"a", b"b", b"ab", None), frozenset({3}))
    >>> Choices(("ab", "aba")).start(vocabulary).advance(2).allowed().ids.tolist()
    [0, 3]
    """

    papers = ("entity-retrieval",)

    texts: tuple[str, ...]

    def __post_init__(self) -> None:
        require(not isinstance(self.texts, str), self, "texts", self.texts, "must be several texts, as in Choices(('yes', 'no'))")
        object.__setattr__(self, "texts", tuple(self.texts))
        good = all(isinstance(text, str) for text in self.texts) and len(set(self.texts)) == len(self.texts)
        require(good and any(self.texts), self, "texts", self.texts, "must be different texts, not all of them empty")

    @classmethod
    def examples(cls) -> list[Choices]:
        return [cls(("ab", "aba", "b")), cls(("abba",))]

    def automaton(self) -> Texts:
        return Texts(text.encode("utf-8") for text in self.texts)
