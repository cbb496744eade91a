"""The memory of the bandit pace: its chooser's state, the acceptance record of each member, and the recent cost of a token."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.decoding.chooser import ChooserState
from foretell.decoding.choosing.replay import Round
from foretell.decoding.cost_curve import CostCurve
from foretell.errors import UserError
from foretell.files import atomic_path, why_unreadable

#: Weight, in observations, of other requests' records, and of the prior rate where there are none.
_TRUST, _PRIOR = 8.0, 2.0
#: The prior rate: optimistic, so that untried arms are tried.
_HOPE = 0.75
#: Decay factor per step of the sums behind the mean cost of a token.
_KEEP = 0.98


@dataclass
class ArmRecord:
    """Exponentially decaying counts by member. keep: decay factor per step. asked: steps in which the member was asked, (members,).
    proposed: of these, steps with a proposal, (members,). tried: drafted positions whose parent was accepted, by depth, (members, longest).
    right: of these, accepted positions, (members, longest)."""

    keep: float
    asked: NDArray[np.float64]
    proposed: NDArray[np.float64]
    tried: NDArray[np.float64]
    right: NDArray[np.float64]

    @classmethod
    def fresh(cls, num_members: int, longest: int, keep: float) -> ArmRecord:
        """A record without steps."""
        of_members, of_depths = (num_members,), (num_members, longest)
        return cls(keep, np.zeros(of_members), np.zeros(of_members), np.zeros(of_depths), np.zeros(of_depths))

    @property
    def num_members(self) -> int:
        """Number of members."""
        return len(self.asked)

    def fade(self) -> None:
        """Let all counts decay by one step, also those of members that are not asked, so that they are tried again."""
        for counts in (self.asked, self.proposed, self.tried, self.right):
            counts *= self.keep

    def note(self, member: int, depth: int, num_accepted: int) -> None:
        """Count a step of `member`: the depth of its draft (0: no draft) and the number of accepted tokens."""
        self.asked[member] += 1
        self.proposed[member] += depth > 0
        self.tried[member, : min(num_accepted + 1, depth)] += 1
        self.right[member, :num_accepted] += 1

    def rates(self, others: ArmRecord | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Probability of a proposal (members,), and of acceptance of each drafted position given its parent (members, longest).

        Estimates are shrunk towards those of `others`. Without `others` they are shrunk towards the prior rate, and at each depth towards
        the rate of the depth above.
        """
        if others is not None:
            supply, above = others.rates()
            return (self.proposed + _TRUST * supply) / (self.asked + _TRUST), (self.right + _TRUST * above) / (self.tried + _TRUST)
        rates = np.empty_like(self.tried)
        prior = np.full(len(rates), _HOPE)
        for depth in range(rates.shape[1]):
            prior = rates[:, depth] = (self.right[:, depth] + _PRIOR * prior) / (self.tried[:, depth] + _PRIOR)
        return (self.proposed + _PRIOR * _HOPE) / (self.asked + _PRIOR), rates


@dataclass
class ArmMemory:
    """The bandit pace's memory across requests. learnt: the chooser's state. record: of all requests. seconds, tokens: exponentially
    decaying sums over steps. rounds: set it to a list to log every round with its propensity, for `choosing.replay`."""

    learnt: ChooserState
    record: ArmRecord
    seconds: float = 0.0
    tokens: float = 0.0
    rounds: list[Round] | None = None

    def seconds_a_token(self, curve: CostCurve) -> float:
        """Recent mean cost of a token, with ten plain steps as prior."""
        return (self.seconds + 10 * curve(1)) / (self.tokens + 10)

    def spend(self, seconds: float, tokens: int) -> None:
        """Count a step."""
        self.seconds, self.tokens = _KEEP * self.seconds + seconds, _KEEP * self.tokens + tokens

    def write(self, path: str | Path) -> None:
        """Write to a file (.npz) of arrays and a JSON text, without pickled objects, which is replaced as a whole. `rounds` is not written.
        Raises FileWriteError."""
        arrays: dict[str, Any] = {}
        plain = _without_arrays(dataclasses.asdict(dataclasses.replace(self, rounds=None)), "", arrays)
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, json=np.array(json.dumps({"version": 1, "memory": plain})), **arrays)

    @classmethod
    def read(cls, path: str | Path) -> ArmMemory:
        """Read what `write` wrote. UserError for files that are something else, incomplete, or of another version."""
        try:
            with np.load(path) as file:
                content = json.loads(str(file["json"]))
                if content["version"] != 1:
                    raise ValueError(f"version {content['version']!r}")
                return cls._of(_with_arrays(content["memory"], file))
        except (OSError, EOFError) as error:
            if isinstance(error, FileNotFoundError):
                raise
            raise UserError(f"{path}: not a complete memory of the bandit pace ({error}); start without one") from error
        except Exception as error:  # zipfile, json and numpy have errors of their own for bad files
            raise UserError(
                f"{path}: not a memory of the bandit pace that this version reads ({why_unreadable(error)}); start without one"
            ) from error

    @classmethod
    def _of(cls, plain: dict[str, Any]) -> ArmMemory:
        learnt, record = ChooserState(**plain.pop("learnt")), ArmRecord(**plain.pop("record"))
        return cls(learnt, record, **plain)


def _without_arrays(value: Any, name: str, arrays: dict[str, Any]) -> Any:
    """`value` with each array replaced by its name; the arrays are put into `arrays` by name."""
    if isinstance(value, np.ndarray):
        arrays[name] = value
        return {"array": name}
    if isinstance(value, dict):
        return {key: _without_arrays(item, f"{name}.{key}" if name else key, arrays) for key, item in value.items()}
    return value


def _with_arrays(value: Any, arrays: Any) -> Any:
    """The inverse of `_without_arrays`."""
    if isinstance(value, dict):
        is_array = value.keys() == {"array"}
        return arrays[value["array"]] if is_array else {key: _with_arrays(item, arrays) for key, item in value.items()}
    return value
