"""What the bench's tests share: a small model that reads text, arms on a simulated clock."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from foretell.bench.arms import Arm, Output, Setting
from foretell.bench.tasks import Group, Task
from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.recipe import Recipe
from foretell.models.tiny import TinyModel

WORDS = 48
#: Drafting pays on it: four rows cost little more than one.
CURVE = CostCurve((1, 4, 16), (0.010, 0.011, 0.030))


class Words:
    """A tokenizer of made-up words: each text has as many tokens as words."""

    stop_tokens = frozenset({0})

    def chat(self, text: str) -> list[int]:
        return [1 + hash_of(word) % (WORDS - 1) for word in text.split()]


def hash_of(word: str) -> int:
    """Python's own hash differs from process to process."""
    return sum((i + 1) * ord(letter) for i, letter in enumerate(word))


@pytest.fixture
def model(monkeypatch, tmp_path) -> TinyModel:
    """Repeats itself enough for prompt lookup to work, and has a known cost curve."""
    from foretell.decoding import stored_curve

    monkeypatch.setenv("FORETELL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FORETELL_CONFIG", str(tmp_path / "config"))
    tiny = TinyModel(vocab_size=WORDS, order=1, sharpness=4.0, max_length=4096)
    tiny.tokenizer = Words()
    monkeypatch.setattr(stored_curve, "measure", lambda model: CURVE)
    return tiny


@dataclass
class Clock:
    """Simulated seconds."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class FakeArm(Arm):
    """Takes `seconds` of simulated time for each group and says which group it was."""

    name: str
    clock: Clock
    seconds: float = 1.0
    limit: int | None = None
    is_peer: bool = False
    begun: int = 0
    order: list[tuple[str, str]] = field(default_factory=list)
    fails: Exception | None = None
    interrupts_at: str = ""

    def begin(self) -> None:
        self.begun += 1

    def run(self, group: Group, setting: Setting) -> Output:
        name = group.tasks[0].name
        if self.fails is not None:
            raise self.fails
        if name == self.interrupts_at and setting.num_tokens > 8:
            raise KeyboardInterrupt
        if setting.num_tokens > 8:  # not the warm-up
            self.order.append((name, self.name))
        self.clock.now += self.seconds
        return Output(self.seconds, self.seconds / 10, [[1] * setting.num_tokens for _ in group.tasks])


def fake_groups(num: int, kinds: int = 2) -> list[Group]:
    return [Group((Task(str(i), f"kind {i % kinds}", (1, 2, 3)),)) for i in range(num)]


def recipes(*texts: str) -> list[Recipe]:
    return [Recipe.parse(text) for text in texts]
