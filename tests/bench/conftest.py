"""A small model that reads text, with a known cost curve."""

from __future__ import annotations

import pytest

from foretell.decoding.cost_curve import CostCurve
from foretell.models.tiny import TinyModel

WORDS = 48
#: Drafting pays on it: four rows cost little more than one.
CURVE = CostCurve((1, 4, 16), (0.010, 0.011, 0.030))


class Words:
    """A tokenizer of made-up words: each text has as many tokens as words."""

    stop_tokens = frozenset({0})
    vocabulary = tuple(f"word {i}" for i in range(WORDS))

    def chat(self, text: str) -> list[int]:
        return [1 + hash_of(word) % (WORDS - 1) for word in text.split()]


def hash_of(word: str) -> int:
    """Python's own hash differs from process to process."""
    return sum((i + 1) * ord(letter) for i, letter in enumerate(word))


@pytest.fixture
def model(monkeypatch, tmp_path) -> TinyModel:
    """Repeats itself enough for prompt lookup to work, and has a known cost curve."""
    from foretell.decoding.pacing import measured_curve

    monkeypatch.setenv("FORETELL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FORETELL_CONFIG", str(tmp_path / "config"))
    tiny = TinyModel(vocab_size=WORDS, order=1, sharpness=4.0, max_length=4096)
    tiny.tokenizer = Words()
    monkeypatch.setattr(measured_curve, "measure", lambda model, rows, stop=None: CURVE)
    return tiny
