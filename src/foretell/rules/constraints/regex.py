"""A regular expression: the text matches it from its first to its last character."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from foretell.decoding.constraint import Constraint, State
from foretell.errors import UserError
from foretell.models.vocabulary import Vocabulary
from foretell.parts import require
from foretell.rules.grammars.llguidance_engine import GrammarState, Walker, compiled, from_regex


@dataclass(frozen=True)
class Regex(Constraint):
    """The whole text matches `pattern`, in the syntax of Rust's `regex` crate: no look-around, no back-references.

    Guarantee: the model's distribution restricted step by step; exact verifiers keep it. Needs: what each token writes. Cost: one
    compilation a pattern and vocabulary, about 50 us a token set, about 2 us a drafted token. State: the text's place in a lexer whose
    states are built as they are met.

    Willard and Louf, "Efficient Guided Generation for Large Language Models", section 3; computed by llguidance.
    Errors: ValueError for a pattern that does not parse or needs what the engine lacks.

    >>> vocabulary = Vocabulary((b"a", b"b", b"ab", None), frozenset({3}))
    >>> Regex("(ab)+").start(vocabulary).forced()
    [2]
    """

    papers = ("outlines",)

    pattern: str

    def __post_init__(self) -> None:
        require(isinstance(self.pattern, str) and bool(self.pattern), self, "pattern", self.pattern, "must be a regular expression")

    @classmethod
    def examples(cls) -> list[Regex]:
        return [cls("(ab)*a?"), cls("a{1,2}b?")]

    def remember(self, vocabulary: Vocabulary) -> Walker:
        try:
            return Walker(compiled(from_regex(self.pattern), vocabulary), vocabulary)
        except ValueError as error:
            raise UserError(f"Regex: pattern={self.pattern!r} is not supported: {error}") from error

    def begin(self, memory: Any, prompt: Sequence[int] = ()) -> State:
        return GrammarState(Walker(memory.matcher, memory.vocabulary))
