"""The greedy distribution under a constraint, which tries the row's best tokens first, is that of the whole token set."""

import json

import numpy as np
import pytest
import torch

from foretell.decoding.constraint import ConstraintState
from foretell.decoding.sampler import Sampler
from foretell.decoding.token_set import TokenSet
from foretell.models.vocabulary import Vocabulary
from foretell.rules.constraints.grammar import Grammar
from foretell.rules.constraints.json_schema import JsonSchema
from foretell.rules.constraints.regex import Regex

LETTERS = [bytes([byte]) for byte in range(32, 127)]
WORDS = [b'{"', b'": ', b'", "', b"ab", b"abc", b"name", b"na", b'"name', b"12", b'"}', b"}}", b" b", b"cab"]
VOCABULARY = Vocabulary((*LETTERS, *WORDS, None), frozenset({len(LETTERS) + len(WORDS)}))
GREEDY = Sampler(greedy=True)
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "names": {"type": "array", "items": {"enum": ["ab", "cab", 12]}, "uniqueItems": True}},
    "required": ["name", "names"],
    "additionalProperties": False,
}


def by_the_whole_set(state: ConstraintState, row: torch.Tensor) -> tuple[int, float]:
    """Token and margin."""
    allowed = state.allowed().ids
    if not len(allowed):  # a dead end
        return min(VOCABULARY.stop_tokens), float("inf")
    values = row.numpy()[allowed]
    order = np.lexsort((allowed, -values))  # among equals the lowest token
    best = int(allowed[order[0]])
    return best, float(values[order[0]] - values[order[1]]) if len(order) > 1 else float("inf")


def rows(state: ConstraintState, rng: np.random.Generator):
    """Rows where the best tokens are likely, unlikely, and equal."""
    row = rng.normal(size=VOCABULARY.size).astype(np.float32)
    yield row
    liked = row.copy()
    liked[state.allowed().ids] += 3
    yield liked
    yield np.round(row)
    few = np.full_like(row, -np.inf)
    few[state.allowed().ids[:2]] = 1.0
    few[:3] = 0.5
    yield few


@pytest.mark.parametrize("constraint", [Regex('"(ab|abc|c)*"'), Grammar('start: "(" start ")" | "name"'), JsonSchema(SCHEMA)])
def test_is_the_law_of_the_whole_set(constraint):
    rng, num_visited = np.random.default_rng(0), 0
    for _ in range(12):
        state = constraint.start(VOCABULARY)
        for _ in range(40):
            fresh = state
            for values in rows(state, rng):
                row = torch.from_numpy(values)
                token, margin = by_the_whole_set(fresh, row)
                for kept in (True, False):  # whether the token set is at hand
                    if not kept:
                        cursor = getattr(state, "inner", state).cursor
                        cursor.token_sets.clear()
                        cursor.children.clear()
                    distribution = state.distribution(GREEDY, row, [0], 1)
                    assert (distribution.ids.tolist(), distribution.probs.tolist()) == ([token], [1.0])
                    assert distribution.margin == pytest.approx(margin, abs=1e-6)
                num_visited += 1
            choices = [token for token in state.allowed().ids.tolist() if token not in VOCABULARY.stop_tokens]
            if not choices:
                break
            state = state.advance(int(rng.choice(choices)))
    assert num_visited > 100


class Never(ConstraintState):
    """Tells whether the token set was asked for."""

    def __init__(self) -> None:
        self.vocabulary, self.asked = VOCABULARY, 0

    def allowed(self) -> TokenSet:
        self.asked += 1
        return TokenSet.everything(self.vocabulary.size)

    def accepts(self, token: int) -> bool:
        return True

    def advance(self, token: int) -> ConstraintState:
        return self


def test_spares_the_token_set():
    state, row = Never(), torch.arange(VOCABULARY.size, dtype=torch.float32)
    distribution = state.distribution(GREEDY, row, [0], 1)
    assert (distribution.ids.tolist(), distribution.margin, state.asked) == ([VOCABULARY.size - 1], 1.0, 0)
    state.distribution(Sampler(), row, [0], 1)
    assert state.asked == 1


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_broken_rows_are_refused(value):
    row = torch.zeros(VOCABULARY.size)
    row[40] = value
    with pytest.raises(ValueError, match=r"best logit is|probability 0"):
        Never().distribution(GREEDY, row, [0], 1)


def test_states_are_shared_as_long_as_they_are_remembered():
    state = JsonSchema(SCHEMA).start(VOCABULARY).inner
    text = VOCABULARY.encode(json.dumps({"name": "ab", "names": [12]}))
    for token in text:
        assert state.advance(token) is state.advance(token)
        state = state.advance(token)
    assert state.accepting
    begin = state
    while begin.parent is not None:
        begin = begin.parent
    for token in range(VOCABULARY.size - 1):  # others push it out, and nothing breaks
        begin.accepts(token)
    assert state.allowed().ids.tolist() == sorted(VOCABULARY.stop_tokens)
