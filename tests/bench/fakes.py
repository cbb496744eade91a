"""Arms on a simulated clock."""

from __future__ import annotations

from dataclasses import dataclass, field

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

    def run(self, group: Group, setting: BenchSetting) -> ArmOutput:
        name = group.tasks[0].name
        if self.fails is not None:
            raise self.fails
        if name == self.interrupts_at and setting.num_tokens > 8:
            raise KeyboardInterrupt
        if setting.num_tokens > 8:  # not the warm-up
            self.order.append((name, self.name))
        self.clock.now += self.seconds
        return ArmOutput(self.seconds, self.seconds / 10, [[1] * setting.num_tokens for _ in group.tasks])


def fake_groups(num: int, kinds: int = 2) -> list[Group]:
    return [Group((Task(str(i), f"kind {i % kinds}", (1, 2, 3)),)) for i in range(num)]


def recipes(*texts: str) -> list[Recipe]:
    return [Recipe.parse(text) for text in texts]
