"""Metadata of a GGUF file by key, of the type that a reader needs; what is missing or of another type is named."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from foretell.errors import UserError
from foretell.models.weights.checkpoint import DamagedFileError


class GGUFValues:
    """Reads `metadata` and remembers which keys were asked for. `DamagedFileError` names the key and its value.

    A number may be stored as an array with an entry for each layer; entries that differ are refused, since our layers are alike.
    """

    def __init__(self, path: Path, metadata: Mapping[str, Any]) -> None:
        self.path, self.metadata = path, metadata
        self.asked: set[str] = set()

    def whole(self, key: str, default: int | None = None, least: int = 1) -> int:
        """A whole number of at least `least`; `default` where the key is missing."""
        value = self._one(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise DamagedFileError(self.path, f"{key}={value!r} must be a whole number of at least {least}")
        return value

    def real(self, key: str, default: float | None = None) -> float:
        """A finite number above 0; `default` where the key is missing."""
        value = self._one(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
            raise DamagedFileError(self.path, f"{key}={value!r} must be a number above 0")
        return float(value)

    def text(self, key: str, default: str | None = None) -> str:
        """A text; `default` where the key is missing."""
        value = self._one(key, default)
        if not isinstance(value, str):
            raise DamagedFileError(self.path, f"{key}={value!r} must be a text")
        return value

    def _one(self, key: str, default: Any) -> Any:
        self.asked.add(key)
        value = self.metadata.get(key, default)
        if value is None:
            raise DamagedFileError(self.path, f"the metadata lack {key}")
        if not isinstance(value, list):
            return value
        if value and all(each == value[0] for each in value):
            return value[0]
        raise UserError(
            f"{self.path}: {key} differs by layer ({str(value)[:60]}), which is not read from GGUF; "
            "load the model's safetensors folder with backend='transformers'"
        )
