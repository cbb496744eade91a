"""What constraints make for a vocabulary: made once, bounded, shared by threads, and not copied."""

from __future__ import annotations

import copy
import pickle
import threading

import pytest

from foretell.models.vocabulary import Vocabulary
from foretell.rules.automata.byte_trie import ByteTrie
from foretell.rules.constraints.choices import Choices
from foretell.rules.constraints.integers import Integers
from foretell.rules.constraints.json_schema import JsonSchema

BYTES = (*(bytes([byte]) for byte in range(256)), None)


def vocabulary() -> Vocabulary:
    return Vocabulary(BYTES, frozenset({256}))


def test_equal_constraints_share_a_memory_and_vocabularies_do_not():
    one, other = vocabulary(), vocabulary()
    memory = Choices(("a", "b")).memory(one)
    assert Choices(("a", "b")).memory(one) is memory
    assert Choices(("a", "c")).memory(one) is not memory
    assert Choices(("a", "b")).memory(other) is not memory


def test_the_latest_32_memories_are_kept():
    own = vocabulary()
    first = Integers(0, 0).memory(own)
    for number in range(1, 32):
        Integers(0, number).memory(own)
    assert Integers(0, 0).memory(own) is first
    Integers(0, 32).memory(own)
    assert len(own.memories) == 32
    assert Integers(0, 1) not in own.memories
    assert Integers(0, 0) in own.memories


def test_a_rule_that_cannot_be_enforced_is_not_kept():
    letters = Vocabulary((b"a", None), frozenset({1}))
    for _ in range(2):
        with pytest.raises(ValueError, match="spell none of the texts"):
            Choices(("b",)).memory(letters)
    assert len(letters.memories) == 0


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda own: pickle.loads(pickle.dumps(own))])
def test_copies_begin_without_memories(copied):
    own = vocabulary()
    own.derive(ByteTrie)
    Choices(("a",)).memory(own)
    other = copied(own)
    assert (other.tokens, other.stop_tokens, len(other.memories), len(own.memories)) == (own.tokens, own.stop_tokens, 0, 1)
    assert other.derive(ByteTrie) is not own.derive(ByteTrie)


@pytest.mark.parametrize(
    "constraint",
    [
        Choices(tuple(f"{number:03}" for number in range(400))),
        JsonSchema({"type": "array", "items": {"type": "integer"}, "uniqueItems": True}),
    ],
    ids=lambda constraint: type(constraint).__name__,
)
def test_threads_share_a_memory_and_see_the_token_sets_of_one_thread(constraint):
    texts = [b"%03d" % number if isinstance(constraint, Choices) else b"[%d, %d, 7" % (number, number + 1) for number in range(0, 400, 7)]

    def token_sets(own: Vocabulary, order: list[bytes]) -> dict[bytes, list[list[int]]]:
        answers: dict[bytes, list[list[int]]] = {}
        for text in order:
            state, answers[text] = constraint.start(own), []
            for byte in text:
                answers[text].append(state.allowed().ids.tolist())
                state = state.advance(byte)
        return answers

    expected = token_sets(vocabulary(), texts)
    shared, begin = vocabulary(), threading.Barrier(4)
    answers: list[dict[bytes, list[list[int]]]] = []

    def work(offset: int) -> None:
        begin.wait()
        answers.append(token_sets(shared, texts[offset:] + texts[:offset]))

    threads = [threading.Thread(target=work, args=(5 * i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4
    assert all(each == expected for each in answers)
    assert len(shared.memories) == 1
