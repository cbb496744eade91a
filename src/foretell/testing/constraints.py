"""Contract checks of constraints: that a state says what it does, and never changes. Raises `ContractError`.

for constraint in examples("constraint"):
    check_constraint(constraint, VOCABULARY)
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from foretell.decoding.constraint import Constraint, ConstraintState
from foretell.decoding.ending import follows
from foretell.models.vocabulary import Vocabulary
from foretell.testing.contracts import demand

_TOKENS = (
    *(bytes([byte]) for byte in b"ab0123456789-.[]{}\"',: \ntruefls"),
    *(b"ab", b"ba", b"aba", b"10", b"01", b"-1", b".5", b'"a', b'"a"', b'", "', b'": ', b", ", b"[[", b"true", b"false"),
    *("é".encode()[:1], "é".encode()[1:], "é".encode()),
    *(None, None, b"", b"a"),  # two stop tokens, one that writes nothing, and one more that writes an a
)
#: Small, and yet it spells what the examples need: letters, digits, JSON, tokens of several bytes, and a character cut in two.
VOCABULARY = Vocabulary(_TOKENS, frozenset(token for token, data in enumerate(_TOKENS) if data is None))


@dataclass
class _WalkedState:
    """A state, how it was come to, and what it said then."""

    path: tuple[int, ...]
    state: ConstraintState
    said: tuple[Any, ...]


def check_constraint(
    constraint: Constraint, vocabulary: Vocabulary = VOCABULARY, num_walks: int = 6, length: int = 8, seed: int = 0
) -> None:
    """Random walks of one request, in turns, with every state checked against trying all tokens; then all states are asked again,
    in another order, and once more from the beginning by another request."""
    source = random.Random(seed)
    start = constraint.start(vocabulary, (0,))
    visits = [_WalkedState((), start, _said(start))]
    _check_state(constraint, visits[0])
    walks = [visits[0]] * num_walks
    for _ in range(length):
        for number, visit in enumerate(walks):
            going_on = [token for token in visit.state.allowed().ids.tolist() if token not in vocabulary.stop_tokens]
            if going_on:
                token = source.choice(going_on)
                state = visit.state.advance(token)
                walks[number] = _WalkedState((*visit.path, token), state, _said(state))
                _check_state(constraint, walks[number])
                visits.append(walks[number])
    source.shuffle(visits)
    again = constraint.start(vocabulary, (0,))
    for visit in visits:
        demand(_said(visit.state) == visit.said, constraint, f"changed a state that others had advanced from, after {visit.path}")
        state = again
        for token in visit.path:
            state = state.advance(token)
        demand(_said(state) == visit.said, constraint, f"answers another request differently after {visit.path}")


def _said(state: ConstraintState) -> tuple[Any, ...]:
    """What a state answers, as values."""
    return state.allowed().ids.tolist(), state.accepting, state.finished, state.forced(4)


def _takes(state: ConstraintState, token: int) -> bool:
    """Whether `advance` does."""
    try:
        state.advance(token)
    except ValueError:
        return False
    return True


def _check_state(constraint: Constraint, visit: _WalkedState) -> None:
    state, vocabulary = visit.state, visit.state.vocabulary
    where = f"after {visit.path} ({vocabulary.text(visit.path)!r})"
    allowed = state.allowed().ids.tolist()
    stops = sorted(vocabulary.stop_tokens)
    demand(state.allowed().size == vocabulary.size, constraint, f"has token sets of {state.allowed().size}, not {vocabulary.size} tokens")
    tried = [token for token in range(vocabulary.size) if _takes(state, token)]
    demand(allowed == tried, constraint, f"allows {allowed} {where}, but advances by {tried}")
    accepted = [token for token in range(-1, vocabulary.size + 1) if state.accepts(token)]
    demand(accepted == allowed, constraint, f"allows {allowed} {where}, but accepts {accepted}")
    demand(not _takes(state, -1) and not _takes(state, vocabulary.size), constraint, f"advances by what is no token {where}")
    silent = [token for token in allowed if not vocabulary.tokens[token] and token not in stops]
    demand(constraint.is_open or not silent, constraint, f"allows {silent}, which write nothing, {where}")
    ends = [token for token in stops if token in allowed]
    demand(ends in ([], stops), constraint, f"allows some stop tokens and not others {where}")
    demand(state.accepting == bool(ends), constraint, f"is {'' if state.accepting else 'not '}accepting {where}, but allows {ends}")
    demand(state.finished == (allowed == stops), constraint, f"says finished={state.finished} {where}, but allows {allowed}")
    demand(allowed or constraint.can_dead_end, constraint, f"comes to a dead end {where}, and can_dead_end does not say so")
    _check_forced(constraint, state, where)
    ending = state.ending(12)
    demand(ending is None or len(ending) <= 12, constraint, f"gives an ending of more than the 12 tokens that were asked for {where}")
    demand(ending is None or follows(state, ending), constraint, f"gives the ending {ending} {where}, which is not allowed there or no end")
    if ends:
        after = state.advance(ends[0])
        demand(after.allowed().ids.tolist() == stops and after.finished, constraint, f"goes on after a stop token {where}")
        demand(not any(_takes(after, token) for token in allowed if token not in stops), constraint, f"goes on after a stop token {where}")


def _check_forced(constraint: Constraint, state: ConstraintState, where: str) -> None:
    """Forced tokens are those that cannot but come."""
    forced = state.forced(4)
    demand(len(forced) <= 4, constraint, f"forces {len(forced)} tokens {where} where 4 were asked for")
    for token in forced:
        allowed = state.allowed().ids.tolist()
        demand(allowed == [token], constraint, f"forces {forced} {where}, but allows {allowed} at {token}")
        demand(token not in state.vocabulary.stop_tokens, constraint, f"forces the stop token {token} {where}")
        state = state.advance(token)
