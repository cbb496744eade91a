"""Reads and writes tables of successors, with a fingerprint of the tokenizer that their token ids belong to."""

from __future__ import annotations

import hashlib
import json
from importlib import resources
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from foretell.decoding.drafting.successors.kernels import NEWEST, OLDEST, ROWS
from foretell.decoding.drafting.successors.table import SuccessorTable
from foretell.errors import UserError
from foretell.files import atomic_path, why_unreadable
from foretell.models.base import Model

SHIPPED = "shipped"
_VERSION = 2
#: Rows that a table which was read can still learn before it grows.
_SPARE = 1 << 13
_ROWS = ("tokens", "counts")
_HASHED = ("context", "newer", "older")
_WEIGHTED = ("weights", "totals")
#: Largest row count in a compact table, so that its rows continue to learn quickly.
MOST_SEEN = 8


class TableFileError(UserError):
    """A table's file cannot be read, or belongs to another model; the message names the file and the remedy."""


def tokenizer_fingerprint(model: Model) -> str:
    """A digest of the text of each token id; of the vocabulary's size where the model has no tokenizer. Kept with the model: the digest of
    a large vocabulary takes 15 ms."""
    return model.pool.get("tokenizer fingerprint", lambda: _fingerprint(model))


def _fingerprint(model: Model) -> str:
    words = repr(model.tokenizer.vocabulary) if model.tokenizer is not None else f"no tokenizer, {model.vocab_size}"
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def save_table(table: SuccessorTable, path: str | Path, model: Model, compact: bool = False) -> None:
    """Write `table`, whose token ids are those of `model`, to a file, which is replaced as a whole. Raises FileWriteError.

    compact: about a third of the size, for initial tables: 16-bit weights, and row counts of at most `MOST_SEEN`. The order of last use is
    not kept; rows with the least counts are evicted first. Errors: UserError for a table of another vocabulary size.
    """
    if table.vocab_size != model.vocab_size:
        raise UserError(
            f"save_table: table of vocabulary {table.vocab_size} is not of this model, whose logits are {model.vocab_size} wide"
        )
    num = table.vocab_size if table.dense else int(table.store.meta[ROWS])
    names = [*_ROWS, *(() if table.dense else _HASHED), *(_WEIGHTED if table.weighted else ())]
    head = {"version": _VERSION, "tokenizer": tokenizer_fingerprint(model), "settings": table.settings}
    arrays = {name: getattr(table.store, name)[:num] for name in names}
    if compact:
        arrays = _compact(arrays)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, head=np.frombuffer(json.dumps(head).encode(), dtype=np.uint8), meta=table.store.meta, **arrays)


def _compact(arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    if "context" in arrays:
        order = np.argsort(arrays["counts"], kind="stable")
        arrays = {name: array[order] for name, array in arrays.items() if name not in ("newer", "older")}
    small = {"counts": np.minimum(arrays["counts"], MOST_SEEN).astype(np.uint8)}
    for name in arrays.keys() & {"tokens", "context"}:  # in the smallest integers that hold them
        smallest = np.promote_types(np.min_scalar_type(-1), np.min_scalar_type(int(arrays[name].max(initial=0))))
        small[name] = arrays[name].astype(smallest)
    if "weights" in arrays:
        small["weights"] = arrays["weights"].astype(np.float16)
        small["totals"] = arrays["totals"].astype(np.float32)
    return {**arrays, **small}


def load_table(path: str | Path, model: Model) -> SuccessorTable:
    """The table in a file, or the shipped one for "shipped"; TableFileError where it is missing, damaged or of another tokenizer.

    The shipped table is read once for a model and given to all callers, so it is `frozen`; copies learn.
    """
    if path == SHIPPED:
        shipped = shipped_table(model)
        if shipped is None:
            raise TableFileError(
                f"{SHIPPED!r}: no table comes with Foretell for this model's tokenizer; make one with `foretell phrases FILE`"
            )
        table = model.pool.get("shipped table", lambda: _read(shipped, model))
        table.frozen = True
        return table
    return _read(path, model)


def _read(path: str | Path, model: Model) -> SuccessorTable:
    try:
        with np.load(path, allow_pickle=False) as file:
            head = json.loads(bytes(file["head"]))
            arrays = {name: file[name] for name in file.files if name != "head"}
            version, settings = head["version"], dict(head["settings"])
    except FileNotFoundError:
        raise TableFileError(f"{path}: there is no such table; make one with `foretell phrases FILE`") from None
    except (OSError, ValueError, KeyError, TypeError, BadZipFile, EOFError) as error:
        raise TableFileError(
            f"{path}: not a table of successors ({why_unreadable(error)}); make one with `foretell phrases FILE`"
        ) from error
    if version != _VERSION:
        raise TableFileError(f"{path}: written in version {version!r} of the format, this is {_VERSION}; make the table again")
    if settings.get("vocab_size") != model.vocab_size:
        raise TableFileError(
            f"{path}: made for a vocabulary of {settings.get('vocab_size')}, the model's is {model.vocab_size}; make it with this model"
        )
    if head.get("tokenizer") != tokenizer_fingerprint(model):
        raise TableFileError(f"{path}: made with another tokenizer, whose token ids have another meaning; make it with this model")
    try:
        return _fill(settings, arrays)
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise TableFileError(f"{path}: damaged ({error}); make the table again") from error


def _fill(settings: dict, arrays: dict) -> SuccessorTable:
    table = SuccessorTable(**settings)
    num = len(arrays["tokens"])
    if not table.dense:
        table.reserve(num + _SPARE)  # growing copies all rows, so the first steps of a session should find room
    store = table.store
    for name, array in arrays.items():
        if name != "meta":
            getattr(store, name)[:num] = array
    store.meta[:] = arrays["meta"]
    if not table.dense:
        if "newer" not in arrays:  # compact: in the order of the rows
            store.newer[:num] = np.append(np.arange(1, num), -1)[:num]
            store.older[:num] = np.arange(-1, num - 1)
            store.meta[[NEWEST, OLDEST]] = num - 1, 0 if num else -1
        table.rehash()
    return table


def shipped_table(model: Model) -> Path | None:
    """The table of phrases that comes with Foretell for models of this tokenizer; None where there is none."""
    path = resources.files("foretell.data").joinpath("phrases", f"{tokenizer_fingerprint(model)}.npz")
    return Path(str(path)) if path.is_file() else None
