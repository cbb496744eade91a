"""scikit-learn's estimators as bytes, by skops: reading them makes objects of scikit-learn's own classes, and runs nothing else."""

from __future__ import annotations

from typing import Any

from foretell.errors import MissingPackageError, UserError

#: Compiled classes and others of scikit-learn that skops does not trust by itself, and which hold numbers only.
TRUSTED = (
    "sklearn._loss.",
    "sklearn.ensemble._hist_gradient_boosting.",
    "sklearn.gaussian_process.kernels.",
    "sklearn.metrics._dist_metrics.",
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.model_selection._split.",
    "sklearn.neighbors._ball_tree.",
    "sklearn.neighbors._kd_tree.",
    "sklearn.neural_network._stochastic_optimizers.",
    "sklearn.tree._tree.",
)


def sklearn_bytes(value: Any, place: str) -> bytes:
    """A fitted estimator, or a part of one. place: the attribute it belongs to, for errors. UserError for what could not be read back,
    such as estimators with functions of the user's."""
    io = _skops()
    try:
        data = io.dumps(value)
    except Exception as error:  # skops raises what the object's own methods raise
        raise UserError(f"{place} is a {type(value).__name__} that cannot be stored ({error}); pickle the estimator") from error
    strange = _strange(io, data)
    if strange:
        raise UserError(f"{place} is a {type(value).__name__} that holds {', '.join(strange)}, which is not stored; pickle the estimator")
    return data


def from_sklearn_bytes(data: bytes) -> Any:
    """The inverse. UserError for bytes that name anything but scikit-learn's estimators."""
    io = _skops()
    strange = _strange(io, data)
    if strange:
        raise UserError(f"it names {', '.join(strange)}, which are no parts of scikit-learn's estimators")
    return io.loads(data, trusted=io.get_untrusted_types(data=data))


def _strange(io: Any, data: bytes) -> list[str]:
    return [name for name in io.get_untrusted_types(data=data) if not name.startswith(TRUSTED)]


def _skops() -> Any:
    try:
        import skops.io
    except ImportError as error:
        raise MissingPackageError("keeping this estimator of scikit-learn needs skops: pip install 'foretell[numbers]'") from error
    return skops.io
