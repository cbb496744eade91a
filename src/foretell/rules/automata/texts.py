"""The automaton of a list of texts."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from foretell.rules.automata.byte_automaton import ByteAutomaton

#: Texts from the first to before the last one, that agree in so many bytes.
Range = tuple[int, int, int]


class Texts(ByteAutomaton):
    """One of several texts. They are sorted, and a state is the range of those that go on as the text began, so nothing is built.

    >>> Texts([b"get", b"get_all"]).has(b"get")
    True
    """

    def __init__(self, texts: Iterable[bytes]) -> None:
        self.texts = sorted(set(texts))
        self.start: Range = (0, len(self.texts), 0)
        self._alphabet = frozenset().union(*self.texts)

    def step(self, state: Range, byte: int) -> Range | None:
        low, high, depth = state
        low += len(self.texts[low]) == depth  # the one that ends here comes first

        def next_byte(text: bytes) -> int:
            return text[depth]

        first = bisect_left(self.texts, byte, low, high, key=next_byte)
        last = bisect_left(self.texts, byte + 1, first, high, key=next_byte)
        return (first, last, depth + 1) if first < last else None

    def accepts(self, state: Range) -> bool:
        return len(self.texts[state[0]]) == state[2]

    @property
    def alphabet(self) -> frozenset[int]:
        return self._alphabet
