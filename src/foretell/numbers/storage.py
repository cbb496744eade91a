"""Converts what an estimator holds to JSON with arrays beside it, and back. Only known classes are made; nothing in a file is executed."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator

from foretell.catalog import find, name_of, parts
from foretell.catalog.renamed import CLASSES, present_option
from foretell.errors import UserError
from foretell.models.base import Model
from foretell.numbers.sklearn_bytes import from_sklearn_bytes, sklearn_bytes
from foretell.numbers.sklearn_classes import SKLEARN, is_plain
from foretell.parts import UnknownNameError
from foretell.words import with_article

OURS = "foretell.numbers."
#: Kinds of parts that a file names by their names in the catalogue.
KINDS = ("estimator", "forecaster")
#: Where a fitted network lies, and the method that makes it anew, untrained.
NETWORK, MAKER = "network_", "_make_network"


@dataclass
class EstimatorWriter:
    """`write` returns JSON; arrays go to `arrays`, under the names that the JSON refers to."""

    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    has_sklearn: bool = False

    def write(self, value: Any, place: str) -> Any:
        """A value as JSON. place: the attribute it belongs to, for error messages. UserError for what cannot be stored."""
        if value is None or type(value) in (bool, int, str):
            return value
        if type(value) is float:
            return value if np.isfinite(value) else {"float": str(value)}
        if isinstance(value, np.generic) and value.dtype.kind in "biuf":
            return {"scalar": self._array(np.asarray(value), place)}
        if isinstance(value, np.ndarray):
            return self._numbers(value, place)
        if isinstance(value, list):
            return [self.write(item, f"{place}[{i}]") for i, item in enumerate(value)]
        if type(value) is tuple:
            return {"tuple": [self.write(item, f"{place}[{i}]") for i, item in enumerate(value)]}
        if isinstance(value, dict):
            return {"dict": [[self.write(key, place), self.write(item, f"{place}[{key!r}]")] for key, item in value.items()]}
        if isinstance(value, slice):
            return {"slice": [self.write(item, place) for item in (value.start, value.stop, value.step)]}
        if isinstance(value, type) and issubclass(value, np.generic):
            return {"scalar type": np.dtype(value).name}
        if isinstance(value, np.dtype):
            return {"dtype": value.str}
        if isinstance(value, torch.Tensor) and value.dtype != torch.bfloat16:
            return {"tensor": self._array(value.detach().cpu().numpy(), place)}
        if isinstance(value, BaseEstimator):
            return self.write_object(value, place)
        if type(value).__module__.startswith("sklearn."):
            return self._write_sklearn(value, place)
        raise _cannot(place, value)

    def write_object(self, value: BaseEstimator, place: str) -> dict[str, Any]:
        """An estimator or component: its class by name, its settings, and what it has learnt."""
        if type(value).__module__.startswith("sklearn.") and not is_plain(type(value)):
            return self._write_sklearn(value, place)
        settings = value.get_params(deep=False)
        learnt = {name: item for name, item in vars(value).items() if name not in settings}
        network = learnt.pop(NETWORK, None)
        written = {
            "class": self._name(value, place),
            "settings": {name: self.write(item, f"{place}.{name}") for name, item in settings.items()},
            "learnt": {name: self.write(item, f"{place}.{name}") for name, item in learnt.items()},
        }
        if network is not None:
            if not hasattr(value, MAKER):
                raise _cannot(f"{place}.{NETWORK}", network)
            written["network"] = {name: self.write(item, f"{place}.{NETWORK}.{name}") for name, item in network.state_dict().items()}
        return written

    def _name(self, value: BaseEstimator, place: str) -> str:
        cls = type(value)
        if any(parts(kind).get(name_of(cls)) is cls for kind in KINDS):
            return name_of(cls)
        if cls.__module__.startswith(OURS):
            return f"{cls.__module__.removeprefix(OURS)}:{cls.__name__}"
        if is_plain(cls):
            self.has_sklearn = True
            return f"sklearn:{cls.__name__}"
        raise _cannot(place, value)

    def _write_sklearn(self, value: Any, place: str) -> dict[str, Any]:
        """What scikit-learn keeps in compiled classes, such as trees, as bytes of skops."""
        self.has_sklearn = True
        return {"skops": self._array(np.frombuffer(sklearn_bytes(value, place), dtype=np.uint8), place)}

    def _numbers(self, value: np.ndarray, place: str) -> dict[str, Any]:
        if value.dtype.kind in "biuf":
            return {"array": self._array(value, place), "order": "C" if value.flags.c_contiguous else "F"}
        if value.dtype.kind in "OU":
            items = [self.write(item, place) for item in value.ravel().tolist()]
            return {"objects": items, "shape": list(value.shape), "type": value.dtype.str}
        raise _cannot(place, value)

    def _array(self, value: np.ndarray, place: str) -> str:
        # The order in memory is kept, since it may change the last bits of a product.
        value = value if value.flags.c_contiguous else value.T
        place = place if place not in self.arrays else f"{place} {len(self.arrays)}"  # items of one array share their place
        self.arrays[place] = np.array(value, dtype=value.dtype.newbyteorder("="), order="C")
        return place


@dataclass(frozen=True)
class EstimatorReader:
    """`read` is the inverse of `EstimatorWriter.write`. device: of networks; None takes the one that they were fitted on."""

    arrays: Mapping[str, np.ndarray]
    device: str | None = None

    def read(self, value: Any) -> Any:
        """The value that JSON stands for. UserError for kinds of values that are unknown here."""
        if isinstance(value, list):
            return [self.read(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "class" in value:
            return self.read_object(value)
        kind, held = next(iter(value.items()))
        if kind == "array":
            return self.arrays[held] if value["order"] == "C" else self.arrays[held].T
        if kind == "skops":
            return from_sklearn_bytes(self.arrays[held].tobytes())
        if kind == "scalar":
            return self.arrays[held][()]
        if kind == "tensor":
            return torch.as_tensor(self.arrays[held])
        if kind == "tuple":
            return tuple(self.read(item) for item in held)
        if kind == "dict":
            return {self.read(key): self.read(item) for key, item in held}
        if kind == "slice":
            return slice(*(self.read(item) for item in held))
        if kind in ("scalar type", "dtype"):
            return np.dtype(held) if kind == "dtype" else np.dtype(held).type
        if kind == "objects":
            items = np.empty(len(held), dtype=value["type"])
            items[:] = [self.read(item) for item in held]
            return items.reshape(value["shape"])
        if kind == "float":
            return float(held)
        raise UserError(f"there is no kind of value called {kind!r}")

    def read_object(self, value: dict[str, Any]) -> Any:
        """The estimator or component that JSON stands for, with its network on `device`."""
        if "class" not in value:
            return self.read(value)
        cls = class_called(value["class"])
        settings = {present_option(cls.__name__, name): self.read(item) for name, item in value["settings"].items()}
        if "device" in settings and self.device is not None:
            settings["device"] = self.device
        made = cls(**settings)
        for name, item in value["learnt"].items():
            setattr(made, present_option(cls.__name__, name), self.read(item))
        if "network" in value:
            network = getattr(made, MAKER)()
            network.load_state_dict({name: self.read(item) for name, item in value["network"].items()}, assign=True)
            setattr(made, NETWORK, network.to(getattr(made, "device", "cpu")).eval())
        return made


def class_called(name: str) -> type[BaseEstimator]:
    """The class that a file names; UserError for all but those that `EstimatorWriter` names."""
    try:
        return find(name, *KINDS).load()  # type: ignore[no-any-return]
    except UnknownNameError:
        room, _, cls = CLASSES.get(name, name).partition(":")
    if room == "sklearn" and cls in SKLEARN:
        return getattr(importlib.import_module(SKLEARN[cls]), cls)
    try:
        made = getattr(importlib.import_module(f"{OURS}{room}"), cls) if room.replace(".", "").isidentifier() and cls else None
    except (ImportError, AttributeError):
        made = None
    if not (isinstance(made, type) and issubclass(made, BaseEstimator) and made.__module__ == f"{OURS}{room}"):
        raise UserError(f"there is no class {name!r} here; a newer Foretell or a package that is not installed may have it")
    return made


def _cannot(place: str, value: Any) -> UserError:
    kind = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
    if isinstance(value, Model):
        return UserError(f"{place} is {with_article(kind)}, which is not stored with an estimator; fit with the model's id or path instead")
    kind += f" of {value.dtype}" if isinstance(value, np.ndarray | torch.Tensor) else ""
    return UserError(
        f"{place} is {with_article(kind)}, which cannot be stored: settings and fitted attributes must be numbers, texts, arrays, lists "
        "and dicts of these, networks, or estimators of Foretell and some of scikit-learn's; change it, or pickle the estimator"
    )
