"""A regular expression that the whole text matches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foretell.arguments import shown
from foretell.decoding.constraint import Constraint, ConstraintState
from foretell.errors import UserError
from foretell.models.vocabulary import Vocabulary
from foretell.parts import require
from foretell.rules.grammars.grammar_state import CompiledGrammar
from foretell.rules.grammars.llguidance_engine import compile_grammar, from_lark, from_regex
from foretell.rules.schemas.engine_patterns import NEVER, whole_conjuncts


@dataclass(frozen=True)
class Regex(Constraint[CompiledGrammar]):
    """The whole text matches `pattern`, in the syntax of ECMA 262 (JavaScript) with the flag `u`, which JSON Schema has too.

    Look-around, word boundaries, and references to groups that match few words are compiled. `^` and `$` at the ends change nothing.
    `\\d` and `\\w` are ASCII, `.` is anything but the end of a line, and `(?i)` may begin the pattern.

    Guarantee: the model's distribution restricted step by step; exact verifiers keep it. Needs: the bytes of each token. Cost: one
    compilation for a pattern and vocabulary, about 50 us a token set, about 2 us a drafted token. State: the text's position in a lexer
    whose states are built when they are visited.

    Willard and Louf, "Efficient Guided Generation for Large Language Models", section 3; computed by llguidance.
    Errors: UserError for a pattern that does not parse, that no text matches, or whose automaton is too large.

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

    def remember(self, vocabulary: Vocabulary) -> CompiledGrammar:
        try:
            patterns = whole_conjuncts(self.pattern)
            if NEVER in patterns:
                raise UserError("no text matches it")
            if len(patterns) == 1:
                return compile_grammar(from_regex(patterns[0]), vocabulary)
            return compile_grammar(from_lark(f"start: TEXT\nTEXT: {' & '.join(f'/{each}/' for each in patterns)}"), vocabulary)
        except ValueError as error:
            raise UserError(f"Regex: pattern={shown(self.pattern)} is not supported: {error}") from error

    def begin(self, memory: CompiledGrammar, prompt: Sequence[int] = ()) -> ConstraintState:
        return memory.start()
