"""Combined constraints against sets of Python strings, whatever their parts are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from foretell.decoding.constraint import Constraint, ConstraintState
from foretell.models.vocabulary import Vocabulary
from foretell.rules.constraints.both import Both
from foretell.rules.constraints.choices import Choices
from foretell.rules.constraints.concatenation import Concatenation
from foretell.rules.constraints.either import Either
from foretell.rules.constraints.integers import Integers
from foretell.rules.constraints.regex import Regex

VOCABULARY = Vocabulary((b"a", b"b", b"ab", b"ba", b"aab", None), frozenset({5}))
LONGEST = 5

words = st.text("ab", min_size=0, max_size=3)
word_sets = st.sets(words, min_size=1, max_size=4).filter(any).map(lambda texts: tuple(sorted(texts)))


@dataclass(frozen=True)
class Opaque(Constraint):
    """Choices as a part that can be asked about tokens only."""

    texts: tuple[str, ...]

    def remember(self, vocabulary):
        return Choices(self.texts).remember(vocabulary)

    def begin(self, memory, prompt=()):
        return Choices(self.texts).begin(memory, prompt)


parts = st.tuples(word_sets, st.sampled_from([Choices, Opaque]))


def spellings(state: ConstraintState, joints: bool = True) -> dict[tuple[int, ...], bool]:
    """All beginnings of at most LONGEST tokens that the constraint allows, and whether the text may end there."""
    found: dict[tuple[int, ...], bool] = {}
    level: dict[tuple[int, ...], ConstraintState] = {(): state}
    while level:
        found |= {path: state.accepting for path, state in level.items()}
        level = {
            (*path, token): state.advance(token)
            for path, state in level.items()
            for token in state.allowed().ids.tolist()
            if token not in VOCABULARY.stop_tokens and len(path) < LONGEST
        }
    return found


def cuts(text: bytes) -> set[tuple[int, ...]]:
    """All ways to spell `text` in tokens."""
    if not text:
        return {()}
    known = [(token, data) for token, data in enumerate(VOCABULARY.tokens) if data and text.startswith(data)]
    return {(token, *rest) for token, data in known for rest in cuts(text[len(data) :])}


def expect(constraint: Constraint, whole: set[tuple[int, ...]], exact_beginnings: bool = True) -> None:
    """The constraint accepts these spellings, and what it allows are their beginnings."""
    found = spellings(constraint.start(VOCABULARY))
    assert {path for path, accepting in found.items() if accepting} == {path for path in whole if len(path) <= LONGEST}
    if exact_beginnings:
        assert found.keys() == {path[:end] for path in whole for end in range(min(len(path), LONGEST) + 1)}


@settings(max_examples=60, deadline=None)
@given(parts, parts)
def test_either_allows_what_one_part_allows(left, right):
    texts = {*left[0], *right[0]}
    expect(left[1](left[0]) | right[1](right[0]), {cut for text in texts for cut in cuts(text.encode())})


@settings(max_examples=60, deadline=None)
@given(parts, parts)
def test_both_allows_what_both_parts_allow(left, right):
    texts = {*left[0]} & {*right[0]}
    together = left[1](left[0]) & right[1](right[0])
    if texts or together.can_dead_end:
        expect(together, {cut for text in texts for cut in cuts(text.encode())}, exact_beginnings=not together.can_dead_end)
    else:
        with pytest.raises(ValueError, match="Both: the automaton accepts no text"):
            together.start(VOCABULARY)


@settings(max_examples=60, deadline=None)
@given(word_sets, word_sets, word_sets)
def test_byte_automata_are_joined_at_every_byte(first, second, third):
    whole = {cut for texts in product(first, second, third) for cut in cuts("".join(texts).encode())}
    expect(Choices(first) + Choices(second) + Choices(third), whole)
    expect(Concatenation((Choices(first), Choices(second), Choices(third))), whole)


@settings(max_examples=60, deadline=None)
@given(word_sets, word_sets, word_sets)
def test_no_token_stands_across_the_joint_with_another_part(first, second, third):
    """Choices and choices are one run; the joint with the regular expression is between tokens."""
    front = {cut for texts in product(first, second) for cut in cuts("".join(texts).encode())}
    behind = {cut for text in third for cut in cuts(text.encode())}
    expect(Concatenation((Choices(first), Choices(second), Opaque(third))), {one + other for one in front for other in behind})
    expect(Concatenation((Opaque(third), Choices(first), Choices(second))), {one + other for one in behind for other in front})


def test_where_the_joint_is_may_stay_open():
    constraint = Regex("(ab)*") + Choices(("ab", "a"))
    state = constraint.start(VOCABULARY)
    for text, accepting in (("ab", True), ("ab", True), ("a", True), ("b", True)):
        state = state.advance(VOCABULARY.tokens.index(text.encode()))
        assert state.accepting == accepting


def test_both_of_other_parts_may_come_to_a_dead_end_and_says_so():
    together = Opaque(("aab",)) & Opaque(("abb",))
    assert together.can_dead_end
    assert (Choices(("a",)) | together).can_dead_end
    state = together.start(VOCABULARY)
    assert state.allowed().ids.tolist() == [0]
    assert not state.advance(0).allowed()


@settings(deadline=None)
@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(-50, 50), st.integers(-50, 50))
def test_integers_in_both_ranges(a, b, c, d):
    (a, b), (c, d) = sorted((a, b)), sorted((c, d))
    low, high = max(a, c), min(b, d)
    assume(low <= high)
    automaton = (Integers(a, b) & Integers(c, d)).automaton()
    assert all(automaton.matches(str(n).encode()) == (low <= n <= high) for n in range(-60, 60))


def test_what_an_engine_forces_and_what_automata_allow():
    """The engine allows one cut of forced bytes only; a union takes the others from the automaton, an intersection leaves them out."""
    assert {path for path, accepting in spellings((Choices(("ab",)) | Regex("ab")).start(VOCABULARY)).items() if accepting} == cuts(b"ab")
    assert spellings((Choices(("ab", "b")) & Regex("ab")).start(VOCABULARY)).keys() == {(), (2,)}


def test_operators_refuse_what_is_no_constraint():
    with pytest.raises(TypeError):
        Choices(("a",)) | "b"
    with pytest.raises(ValueError, match="must be two constraints or more"):
        Either((Choices(("a",)),))


def test_a_part_with_a_law_of_its_own_is_refused():
    class Lawful(ConstraintState):
        vocabulary = VOCABULARY

        def allowed(self):
            raise NotImplementedError

        def advance(self, token):
            raise NotImplementedError

        def distribution(self, sampler, logits, history, prompt_length):
            raise NotImplementedError

    class Own(Regex):
        def begin(self, memory, prompt=()):
            return Lawful()

    for combination in (Both, Either, Concatenation):
        with pytest.raises(ValueError, match=re.escape("whose own distribution would be lost")):
            combination((Choices(("a",)), Own("a"))).start(VOCABULARY)
