"""The contract of peers, and the arm that makes one take part in a bench."""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from foretell.bench.arms import Arm, ArmOutput, BenchSetting
from foretell.bench.tasks import Group
from foretell.errors import UserError

INSTALL = "pip install 'foretell[peers]'"


@dataclass(frozen=True)
class PeerSetup:
    """What a peer is loaded with.

    source: the folder or GGUF file of the weights. num_threads: of its arithmetic. context: longest text, in tokens. assistant: folder or
    file of a smaller model of the same family, or None. device: where our model runs, such as "cpu" or "cuda:0".
    """

    source: Path
    num_threads: int
    context: int
    assistant: Path | None = None
    device: str = "cpu"


class Peer(ABC):
    """Greedy decoding by another program. Subclasses are dataclasses of settings; `variants` lists the settings offered by name.

    name: as the user types it. detail: what is run, in words. modules: Python modules that it needs. install: the command to install
    them. devices: kinds of device that it can run on here.
    """

    modules: ClassVar[tuple[str, ...]] = ()
    devices: ClassVar[tuple[str, ...]] = ("cpu",)
    install: ClassVar[str] = INSTALL
    name: str
    detail: str

    @classmethod
    def variants(cls) -> list[Peer]:
        """The settings that are offered, each with a name of its own."""
        return [cls()]

    def problem(self, setup: PeerSetup) -> str:
        """Why it cannot run with this setup, with the remedy; "" where it can."""
        missing = [module for module in self.modules if importlib.util.find_spec(module) is None]
        if missing:
            return f"{missing[0]} is not installed; {self.install}"
        if setup.device.split(":")[0] not in self.devices:
            return f"it runs on {' and '.join(self.devices)} here, our model on {setup.device}; use --device {self.devices[0]}"
        return ""

    @abstractmethod
    def load(self, setup: PeerSetup) -> None:
        """Read the weights."""

    @abstractmethod
    def generate(self, tokens: Sequence[int], num_tokens: int, stop_tokens: frozenset[int]) -> tuple[list[int], float, float | None]:
        """Decode greedily: (new tokens, seconds, seconds until the first of them or None).

        tokens: the prompt. num_tokens: of the text at most, or exactly where there are no stop tokens. stop_tokens: end the text, and are
        not part of it.
        """


class PeerArm(Arm):
    """The arm of a peer. It decodes one text at a time and learns nothing between texts.

    setup: what the peer is loaded with, at the first run. limit: as in `Arm`.
    """

    is_peer = True
    guarantee = "peer"

    def __init__(self, peer: Peer, setup: PeerSetup, limit: int | None = None) -> None:
        self.name, self.detail, self.peer, self.setup, self.limit = peer.name, peer.detail, peer, setup, limit
        self._loaded = False

    def begin(self) -> None:
        """Do nothing: a peer learns nothing."""

    def run(self, group: Group, setting: BenchSetting) -> ArmOutput:
        """Decode the group's prompts one after another. Raises UserError for a sampler that is not greedy."""
        if not self._loaded:
            self.peer.load(self.setup)
            self._loaded = True
        if not setting.sampler.greedy:
            raise UserError(f"peer {self.name!r} is compared greedily; use temperature 0")
        texts: list[list[int]] = []
        seconds, first = 0.0, None
        for task in group.tasks:
            tokens, took, until_first = self.peer.generate(task.tokens, setting.num_tokens, setting.stop_tokens)
            first = until_first if not texts or until_first is None or first is None else first + until_first
            seconds += took
            texts.append(tokens)
        return ArmOutput(seconds, first, texts)
