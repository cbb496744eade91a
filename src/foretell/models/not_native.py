"""The error by which the native reader hands a model to the transformers backend."""

from __future__ import annotations

from foretell.errors import UserError


class NotNativeError(UserError):
    """The native engine does not compute this model; the transformers backend may. Other errors are about the model itself."""
