"""How JSON output says which model it is from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from foretell.models.base import Model


def model_fields(model: Model) -> dict[str, Any]:
    """model: its name. model_path: the file or folder of its weights, null for several. model_hash: of weights, type and engine."""
    path = None if model.source is None else str(model.source.resolve())
    return {"model": model.name, "model_path": path, "model_hash": model.fingerprint}
