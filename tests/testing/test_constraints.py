"""Every constraint keeps the contract, found by discovery; and the checks see states that do not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from foretell.catalog.part_text import describe
from foretell.decoding.constraint import Constraint, ConstraintState, EndedState
from foretell.decoding.token_set import TokenSet
from foretell.models.vocabulary import Vocabulary
from foretell.rules.automata.byte_constraint import ByteState
from foretell.rules.constraints.choices import Choices
from foretell.testing.combinations import examples
from foretell.testing.constraints import check_constraint
from foretell.testing.contracts import ContractError


@pytest.mark.parametrize("constraint", examples("constraint"), ids=describe)
def test_every_constraint_keeps_the_contract(constraint):
    check_constraint(constraint)


@dataclass(frozen=True)
class Broken(Constraint):
    """Choices whose states have `wrong` methods in place of their own."""

    wrong: Any

    def remember(self, vocabulary):
        return Choices(("ab", "aba", "bab")).remember(vocabulary)

    def begin(self, memory, prompt=()):
        return type("BrokenState", (Wrapped,), self.wrong())(ByteState(memory, memory.automaton.start))


class Wrapped(ConstraintState):
    def __init__(self, inner):
        self.inner, self.vocabulary = inner, inner.vocabulary

    def allowed(self):
        return self.inner.allowed()

    def advance(self, token):
        after = self.inner.advance(token)
        return after if isinstance(after, EndedState) else type(self)(after)


def changing():
    def advance(self, token):  # in place: the old state is lost
        self.inner = self.inner.advance(token)
        return self

    return {"advance": advance}


def too_narrow():
    return {"allowed": lambda self: TokenSet.of(self.inner.allowed().ids.tolist()[:1], self.vocabulary.size)}


def never_accepting():
    return {"accepting": property(lambda self: False)}


def always_accepts():
    return {"accepts": lambda self, token: True}


def guesses():
    return {"forced": lambda self, most=64: self.allowed().ids.tolist()[:1]}


def forces_the_end():
    return {"forced": lambda self, most=64: sorted(self.vocabulary.stop_tokens)[:1] if self.finished else []}


def goes_on():
    return {
        "advance": lambda self, token: self if token in self.vocabulary.stop_tokens and self.accepting else Wrapped.advance(self, token)
    }


def dead_end():
    return {"allowed": lambda self: self.inner.allowed() if self.inner.at[2] < 2 else TokenSet.of([], self.vocabulary.size)}


def early():
    return {"finished": property(lambda self: self.accepting)}


def test_an_honest_copy_passes():
    check_constraint(Broken(dict))


@pytest.mark.parametrize(
    "wrong", [changing, too_narrow, never_accepting, always_accepts, guesses, forces_the_end, goes_on, dead_end, early]
)
def test_a_broken_state_is_caught(wrong):
    with pytest.raises(ContractError):
        check_constraint(Broken(wrong))


def test_an_undeclared_dead_end_is_caught_and_a_declared_one_is_not():
    @dataclass(frozen=True)
    class Declared(Broken):
        @property
        def can_dead_end(self):
            return True

    def stuck():
        def allowed(self):
            return self.inner.allowed() if self.inner.at[2] < 2 else TokenSet.of([], self.vocabulary.size)

        def advance(self, token):
            if token not in self.allowed():
                raise ValueError("not allowed")
            return Wrapped.advance(self, token)

        return {"allowed": allowed, "advance": advance}

    check_constraint(Declared(stuck))
    with pytest.raises(ContractError, match="dead end"):
        check_constraint(Broken(stuck))


def test_no_stop_token_is_refused():
    with pytest.raises(ValueError, match="no stop token"):
        check_constraint(Choices(("a",)), Vocabulary((b"a",), frozenset()))
