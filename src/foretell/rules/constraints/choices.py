"""One of several texts."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass

from foretell.parts import require
from foretell.rules.automata.byte_automaton import ByteAutomaton
from foretell.rules.automata.byte_constraint import ByteConstraint

#: (first, last + 1, num_bytes): the range of sorted texts that agree in their first `num_bytes` bytes.
_TextRange = tuple[int, int, int]


@dataclass(frozen=True)
class Choices(ByteConstraint):
    """The whole text is one of `texts`. If one is a prefix of another ("get", "get_all"), both can be generated.

    texts: different ones, any number of them.

    Guarantee: the model's distribution restricted step by step, over all tokenizations of the texts; exact verifiers keep it.
    Needs: the bytes of each token. Cost: one sort of the texts; a token set is a traversal of the tokens that begin them, well below
    1 ms, kept by state. State: the range of the sorted texts that begin with the text so far.

    De Cao et al., "Autoregressive Entity Retrieval", on constrained beam search with a prefix tree. Departure: the tree is one of bytes
    and not of tokens, so that no tokenization of a name is left out. Errors: UserError for no text, for duplicates, and if tokens spell
    none of the texts.

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
        distinct = all(isinstance(text, str) for text in self.texts) and len(set(self.texts)) == len(self.texts)
        require(distinct and any(self.texts), self, "texts", self.texts, "must be different texts, not all of them empty")

    @classmethod
    def examples(cls) -> list[Choices]:
        return [cls(("ab", "aba", "b")), cls(("abba",))]

    def automaton(self) -> TextListAutomaton:
        return TextListAutomaton(text.encode("utf-8") for text in self.texts)


class TextListAutomaton(ByteAutomaton):
    """The automaton of a list of texts. The texts are sorted, and a state is a range of them, so no table is built.

    >>> TextListAutomaton([b"get", b"get_all"]).matches(b"get")
    True
    """

    def __init__(self, texts: Iterable[bytes]) -> None:
        self.texts = sorted(set(texts))
        self.start: _TextRange = (0, len(self.texts), 0)
        self._alphabet = frozenset().union(*self.texts)

    def step(self, state: _TextRange, byte: int) -> _TextRange | None:
        if byte not in self._alphabet:
            return None
        low, high, num_bytes = state
        low += len(self.texts[low]) == num_bytes  # the text that ends here is the first of the range

        def next_byte(text: bytes) -> int:
            return text[num_bytes]

        first = bisect_left(self.texts, byte, low, high, key=next_byte)
        last = bisect_left(self.texts, byte + 1, first, high, key=next_byte)
        return (first, last, num_bytes + 1) if first < last else None

    def accepts(self, state: _TextRange) -> bool:
        return len(self.texts[state[0]]) == state[2]

    @property
    def alphabet(self) -> frozenset[int]:
        return self._alphabet
