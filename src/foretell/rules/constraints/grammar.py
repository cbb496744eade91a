"""A context-free grammar in Lark's syntax: the text matches the grammar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foretell.decoding.constraint import Constraint, ConstraintState
from foretell.errors import UserError
from foretell.models.vocabulary import Vocabulary
from foretell.parts import require
from foretell.rules.grammars.grammar_state import CompiledGrammar
from foretell.rules.grammars.lark_source import prepared_grammar
from foretell.rules.grammars.llguidance_engine import compile_grammar, from_lark
from foretell.rules.schemas.strings import BYTES


@dataclass(frozen=True)
class Grammar(Constraint[CompiledGrammar]):
    """The whole text is derived from the grammar's rule `start`.

    source: the grammar, in Lark's syntax as llguidance reads it: rules in lower case, terminals in upper case, regular expressions
    between slashes; imports of Lark's common terminals; `%ignore`, also at both ends of the text. Each terminal takes the longest text
    that it can, as with Lark's LALR parser. Refused by name: look-around, anchors, lazy quantifiers, priorities, templates, `%declare`,
    `%override`, `%extend`, and rules without a finite word.

    Guarantee: the model's distribution restricted step by step; exact verifiers keep it. Needs: the bytes of each token. Cost: one
    compilation for a grammar and vocabulary, 50 us to 1 ms a token set, about 2 us a drafted token. State: Earley items, one row a token
    of text.

    Geng et al., "Grammar-Constrained Decoding for Structured NLP Tasks without Finetuning", section 3; computed by llguidance.
    Errors: UserError, when it is made, for a grammar that does not parse, has no rule `start`, or is too deep or too large for the engine.

    >>> vocabulary = Vocabulary((b"(", b")", None), frozenset({2}))
    >>> state = Grammar('start: "(" start ")" | "()"').start(vocabulary)
    >>> state.advance(0).allowed().ids.tolist()
    [0, 1]
    """

    papers = ("grammar-constrained",)

    source: str

    def __post_init__(self) -> None:
        require(isinstance(self.source, str) and "start" in self.source, self, "source", self.source, "must have a rule named `start`")
        self.memory(BYTES)  # what is wrong with the grammar shows here, and not within `generate`

    @classmethod
    def examples(cls) -> list[Grammar]:
        return [cls('start: "a" start "b" | "ab"')]

    def remember(self, vocabulary: Vocabulary) -> CompiledGrammar:
        try:
            return compile_grammar(from_lark(prepared_grammar(self.source)), vocabulary)
        except ValueError as error:
            raise UserError(f"Grammar: source is not supported: {error}") from error

    def begin(self, memory: CompiledGrammar, prompt: Sequence[int] = ()) -> ConstraintState:
        return memory.start()
