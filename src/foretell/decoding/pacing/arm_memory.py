"""What the bandit pace remembers: its chooser's state, how each member's drafts fared, and what a token has cost lately."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.decoding.chooser import State
from foretell.decoding.choosing.replay import Round
from foretell.decoding.cost_curve import CostCurve
from foretell.errors import UserError
from foretell.files import atomic_path

#: Weight, in observations, of other requests' records, and of the guess where there are none.
_TRUST, _PRIOR = 8.0, 2.0
#: The guess: on the hopeful side, since what is not tried is not known.
_HOPE = 0.75
#: What the going rate keeps each step.
_KEEP = 0.98


@dataclass
class ArmRecord:
    """Forgetting counts, by member: of steps in which it was asked and of those in which it had a proposal (members,); of positions
    drafted whose parent was accepted, and of those accepted, by depth (members, longest)."""

    keep: float
    asked: NDArray[np.float64]
    proposed: NDArray[np.float64]
    tried: NDArray[np.float64]
    right: NDArray[np.float64]

    @classmethod
    def fresh(cls, num_members: int, longest: int, keep: float) -> ArmRecord:
        """No steps yet."""
        of_members, of_depths = (num_members,), (num_members, longest)
        return cls(keep, np.zeros(of_members), np.zeros(of_members), np.zeros(of_depths), np.zeros(of_depths))

    @property
    def num_members(self) -> int:
        return len(self.asked)

    def fade(self) -> None:
        """A step passes: what is known of members that are not asked grows old too, so that they are tried again."""
        for counts in (self.asked, self.proposed, self.tried, self.right):
            counts *= self.keep

    def note(self, member: int, depth: int, num_accepted: int) -> None:
        """What the step's member did: how deep its draft was (0: it had none) and how much of it was accepted."""
        self.asked[member] += 1
        self.proposed[member] += depth > 0
        self.tried[member, : min(num_accepted + 1, depth)] += 1
        self.right[member, :num_accepted] += 1

    def rates(self, others: ArmRecord | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Chance of a proposal (members,), and of each next drafted position to be right (members, longest); pulled towards those of
        `others`, and without observations towards _HOPE, and a depth as the one above."""
        if others is not None:
            supply, above = others.rates()
            return (self.proposed + _TRUST * supply) / (self.asked + _TRUST), (self.right + _TRUST * above) / (self.tried + _TRUST)
        rates = np.empty_like(self.tried)
        guess = np.full(len(rates), _HOPE)
        for depth in range(rates.shape[1]):
            guess = rates[:, depth] = (self.right[:, depth] + _PRIOR * guess) / (self.tried[:, depth] + _PRIOR)
        return (self.proposed + _PRIOR * _HOPE) / (self.asked + _PRIOR), rates


@dataclass
class ArmMemory:
    """Kept across requests. seconds, tokens: forgetting sums over steps. rounds: set it to a list, and every round is noted there with
    its propensity, for `choosers.replay`."""

    learnt: State
    record: ArmRecord
    seconds: float = 0.0
    tokens: float = 0.0
    rounds: list[Round] | None = None

    def seconds_a_token(self, curve: CostCurve) -> float:
        """The going rate; ten plain steps count as if they had been."""
        return (self.seconds + 10 * curve(1)) / (self.tokens + 10)

    def spend(self, seconds: float, tokens: int) -> None:
        """Count a step."""
        self.seconds, self.tokens = _KEEP * self.seconds + seconds, _KEEP * self.tokens + tokens

    def write(self, path: str | Path) -> None:
        """To a file of arrays and a JSON text (.npz), which is replaced as a whole; nothing in it is run when it is read. Rounds are
        left out. Raises FileWriteError."""
        arrays: dict[str, Any] = {}
        plain = _apart(dataclasses.asdict(dataclasses.replace(self, rounds=None)), "", arrays)
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, json=np.array(json.dumps({"version": 1, "memory": plain})), **arrays)

    @classmethod
    def read(cls, path: str | Path) -> ArmMemory:
        """What `write` wrote. ValueError for files that are something else, cut short, or of another version."""
        try:
            with np.load(path) as file:
                found = json.loads(str(file["json"]))
                if found["version"] != 1:
                    raise ValueError(f"version {found['version']!r}")
                return cls._of(_together(found["memory"], file))
        except (OSError, EOFError) as error:
            if isinstance(error, FileNotFoundError):
                raise
            raise UserError(f"{path}: not a whole memory of the bandit pace ({error}); begin without one") from error
        except Exception as error:  # zipfile, json and numpy have errors of their own for bad files
            raise UserError(f"{path}: not a memory of the bandit pace that this version reads ({error}); begin without one") from error

    @classmethod
    def _of(cls, plain: dict[str, Any]) -> ArmMemory:
        learnt, record = State(**plain.pop("learnt")), ArmRecord(**plain.pop("record"))
        return cls(learnt, record, **plain)


def _apart(value: Any, name: str, arrays: dict[str, Any]) -> Any:
    """Plain data with arrays replaced by their names, under which they go into `arrays`."""
    if isinstance(value, np.ndarray):
        arrays[name] = value
        return {"array": name}
    if isinstance(value, dict):
        return {key: _apart(each, f"{name}.{key}" if name else key, arrays) for key, each in value.items()}
    return value


def _together(value: Any, arrays: Any) -> Any:
    if isinstance(value, dict):
        return arrays[value["array"]] if value.keys() == {"array"} else {key: _together(each, arrays) for key, each in value.items()}
    return value
