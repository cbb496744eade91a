"""Tables of successors in files, with the vocabulary and tokenizer that their token ids belong to."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from foretell.decoding.successors.kernels import ROWS
from foretell.decoding.successors.table import SuccessorTable
from foretell.models.base import Model

_VERSION = 1
_ROWS = ("tokens", "counts")
_HASHED = ("context", "newer", "older")
_WEIGHTED = ("weights", "totals")


class TableFileError(ValueError):
    """A table's file cannot be read, or belongs to another model; the message names the file and the remedy."""


def tokenizer_fingerprint(model: Model) -> str:
    """A digest of what each token id stands for; of the vocabulary's size alone where the model has no tokenizer."""
    words = repr(model.tokenizer.vocabulary) if model.tokenizer is not None else f"no tokenizer, {model.vocab_size}"
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def save_table(table: SuccessorTable, path: str | Path, model: Model) -> None:
    """Write `table`, whose token ids are `model`'s, to a temporary file that is then renamed."""
    if table.vocab_size != model.vocab_size:
        raise ValueError(
            f"save_table: table of vocabulary {table.vocab_size} is not of this model, whose logits are {model.vocab_size} wide"
        )
    num = table.vocab_size if table.dense else int(table.store.meta[ROWS])
    names = [*_ROWS, *(() if table.dense else _HASHED), *(_WEIGHTED if table.weighted else ())]
    head = {"version": _VERSION, "tokenizer": tokenizer_fingerprint(model), "settings": table.settings}
    arrays = {name: getattr(table.store, name)[:num] for name in names}
    target = Path(path)
    partial = target.with_name(target.name + ".partial")
    with partial.open("wb") as file:
        np.savez_compressed(file, head=np.frombuffer(json.dumps(head).encode(), dtype=np.uint8), meta=table.store.meta, **arrays)
    partial.replace(target)


def load_table(path: str | Path, model: Model) -> SuccessorTable:
    """The table in a file; TableFileError unless its vocabulary and tokenizer are `model`'s."""
    try:
        with np.load(path, allow_pickle=False) as file:
            head = json.loads(bytes(file["head"]))
            arrays = {name: file[name] for name in file.files if name != "head"}
            version, settings = head["version"], dict(head["settings"])
    except FileNotFoundError:
        raise TableFileError(f"{path}: there is no such table; save one with save_table") from None
    except (OSError, ValueError, KeyError, TypeError, BadZipFile, EOFError) as error:
        raise TableFileError(f"{path}: not a table of successors ({error}); save one with save_table") from error
    if version != _VERSION:
        raise TableFileError(f"{path}: written in version {version!r} of the format, this is {_VERSION}; make the table again")
    if settings.get("vocab_size") != model.vocab_size:
        raise TableFileError(
            f"{path}: made for a vocabulary of {settings.get('vocab_size')}, the model's is {model.vocab_size}; make it with this model"
        )
    if head.get("tokenizer") != tokenizer_fingerprint(model):
        raise TableFileError(f"{path}: made with another tokenizer, whose token ids mean other words; make it with this model")
    try:
        return _fill(settings, arrays)
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise TableFileError(f"{path}: damaged ({error}); make the table again") from error


def _fill(settings: dict, arrays: dict) -> SuccessorTable:
    table = SuccessorTable(**settings)
    num = len(arrays["tokens"])
    if not table.dense:
        table.reserve(num)
    store = table.store
    for name, array in arrays.items():
        if name != "meta":
            getattr(store, name)[:num] = array
    store.meta[:] = arrays["meta"]
    if not table.dense:
        table.rehash()
    return table
