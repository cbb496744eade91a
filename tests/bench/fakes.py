"""Arms on a simulated clock."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field

from rich.console import Console

from foretell.bench.arms import Arm, ArmOutput, BenchSetting
from foretell.bench.tasks import Group, Task
from foretell.decoding.recipe import Recipe


@dataclass
class Clock:
    """Simulated seconds."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class FakeArm(Arm):
    """Takes `seconds` of simulated time for each group, and notes which group it was once it is warm. cold: seconds of each run before it
    is warm. noise: a random factor for each run, such as `random.Random(0).random`."""

    name: str
    clock: Clock
    seconds: float = 1.0
    limit: int | None = None
    is_peer: bool = False
    begun: int = 0
    order: list[tuple[str, str]] = field(default_factory=list)
    fails: Exception | None = None
    interrupts_at: str = ""
    cold: list[float] = field(default_factory=list)
    noise: Callable[[], float] = lambda: 1.0
    is_warm: bool = False

    def begin(self) -> None:
        self.begun += 1

    def run(self, group: Group, setting: BenchSetting) -> ArmOutput:
        name = group.tasks[0].name
        if self.fails is not None:
            raise self.fails
        if name == self.interrupts_at and self.is_warm:
            raise KeyboardInterrupt
        if self.is_warm:
            self.order.append((name, self.name))
        seconds = (self.cold.pop(0) if self.cold else self.seconds) * self.noise()
        self.clock.now += seconds
        return ArmOutput(seconds, seconds / 10, [[1] * setting.num_tokens for _ in group.tasks])


def fake_groups(num: int, kinds: int = 2) -> list[Group]:
    return [Group((Task(str(i), f"kind {i % kinds}", (1, 2, 3)),)) for i in range(num)]


def recipes(*texts: str) -> list[Recipe]:
    return [Recipe.parse(text) for text in texts]


def printed(show: Callable[[Console], None]) -> str:
    """What `show` prints on a console."""
    console = Console(width=132, file=io.StringIO())
    show(console)
    return console.file.getvalue()
