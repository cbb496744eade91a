"""Keeps fitted estimators in a folder, as JSON and safetensors. No pickle: reading a folder runs nothing that it says."""

from __future__ import annotations

import hashlib
import json
import warnings
from pathlib import Path
from typing import Any

import sklearn
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from foretell import __version__
from foretell.errors import UserError
from foretell.files import atomic_folder
from foretell.json_files import as_object, read_object
from foretell.numbers.storage import EstimatorReader, EstimatorWriter

#: Of the files below; grows when an older Foretell could not read them.
FORMAT = 1
HEAD, ARRAYS = "estimator.json", "arrays.safetensors"


def save(estimator: BaseEstimator, folder: Path | str) -> Path:
    """Write a fitted estimator to `folder`, which is made, or replaced as a whole where it holds a saved estimator.

    What is read back predicts the same to the last bit (on the same machine with the same libraries). Estimators of Foretell
    and of scikit-learn are stored. Errors: NotFittedError; ValueError naming the attribute that cannot
    be stored, or where the folder holds something else.

    >>> import tempfile
    >>> from sklearn.linear_model import Ridge
    >>> with tempfile.TemporaryDirectory() as home:
    ...     load(save(Ridge().fit([[0.0], [1.0]], [0.0, 1.0]), Path(home) / "model")).coef_.round(3).tolist()
    [0.333]
    """
    folder = Path(folder)
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        raise NotFittedError(f"{type(estimator).__name__} is not fitted; call fit before save") from None
    if folder.exists() and not (folder / HEAD).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} exists and holds no saved estimator; choose another name, or remove it")
    writer = EstimatorWriter()
    written = writer.write_object(estimator, type(estimator).__name__)
    arrays = save_arrays(writer.arrays)
    head = {
        "format": FORMAT,
        "foretell": __version__,
        **({"scikit-learn": sklearn.__version__} if writer.has_sklearn else {}),
        "checksums": {ARRAYS: _checksum(arrays), "estimator": _checksum(_canonical(written))},
        "estimator": written,
    }
    with atomic_folder(folder) as temporary:
        (temporary / ARRAYS).write_bytes(arrays)
        (temporary / HEAD).write_text(json.dumps(head, indent=1, allow_nan=False), encoding="utf-8")
    return folder


def load(folder: Path | str, device: str | None = None) -> Any:
    """The estimator that `save` wrote to `folder`. ValueError where a file is missing, cut, changed, or of a newer format, and where
    a class is unknown here. device: of networks, None takes the one they were fitted on."""
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder; give one that `save` or `foretell fit` wrote")
    head = _head(folder)
    arrays = _there(folder / ARRAYS).read_bytes()
    checksums = as_object(head["checksums"], f"{folder / HEAD}: checksums", "save the estimator again")
    if checksums.get(ARRAYS) != _checksum(arrays):
        raise UserError(f"{folder / ARRAYS} was cut or changed since it was saved (its checksum differs); save the estimator again")
    if checksums.get("estimator") != _checksum(_canonical(head["estimator"])):
        raise UserError(f"{folder / HEAD} was changed since it was saved (its checksum differs); save the estimator again")
    other = head.get("scikit-learn", sklearn.__version__)
    if other != sklearn.__version__:
        warnings.warn(f"{folder} was saved with scikit-learn {other}, here is {sklearn.__version__}: predictions may differ", stacklevel=2)
    try:
        return EstimatorReader(load_arrays(arrays), device).read_object(head["estimator"])
    except (ValueError, TypeError, KeyError, RuntimeError) as error:
        by = f"saved by Foretell {head['foretell']}, here is {__version__}"
        raise UserError(f"{folder} cannot be read ({by}): {' '.join(str(error).split())}") from error


def _head(folder: Path) -> dict[str, Any]:
    path = folder / HEAD
    head = read_object(_there(path), "save the estimator again")
    if not isinstance(head.get("format"), int):
        raise UserError(f"{path} says no format; it is not a file of Foretell's")
    if head["format"] > FORMAT:
        newer = head.get("foretell", "a newer version")
        raise UserError(f"{path} has format {head['format']}, here is {FORMAT}: it was saved by Foretell {newer}; upgrade Foretell")
    lacks = [key for key in ("foretell", "checksums", "estimator") if key not in head]
    if lacks:
        raise UserError(f"{path} lacks {', '.join(lacks)}; save the estimator again")
    return head


def _there(path: Path) -> Path:
    if not path.is_file():
        raise UserError(f"{path} is missing; {path.parent} is not a whole saved estimator")
    return path


def _canonical(written: Any) -> bytes:
    return json.dumps(written, sort_keys=True, separators=(",", ":")).encode()


def _checksum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
