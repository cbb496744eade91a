"""N-gram tables of `foretell complete`: learning them, and finding them in the cache folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from foretell.errors import UserError
from foretell.words import counted

if TYPE_CHECKING:
    from foretell.models.base import Model

#: Most bytes of text to learn from. A table takes 6 bytes of disk for each byte of text, and learning takes a second for each megabyte.
MOST_BYTES = 64 << 20


def default_table(model: Model) -> Path | None:
    """The table in the cache folder for the model's tokenizer; None if none was learned."""
    path = _entry(model)
    return path if path.is_file() else None


def learn_table(sources: Sequence[Path], model: Model, target: Path | None) -> tuple[Path, str]:
    """Learn a table from text files and from all visible text files below folders. Returns its path and a sentence about it."""
    from foretell.decoding.searching.ngram_model import NGramModel, vocabulary_digest

    if model.tokenizer is None:
        raise UserError("model: it has no tokenizer, which learning from text needs; choose another model")
    named = " ".join(map(str, sources))
    files = [file for source in sources for file in _files(source)]
    total = sum(file.stat().st_size for file in files)
    if total > MOST_BYTES:
        raise UserError(f"--learn {named}: {total / 2**20:.0f} MB in {len(files)} files are more than {MOST_BYTES >> 20} MB; name fewer")
    texts, skipped = [], 0
    for file in files:
        text = _text(file)
        if text is None:
            skipped += 1
        elif text:
            texts.append(model.tokenizer.encode(text, special=False))
    if not any(texts):
        raise UserError(f"--learn {named}: no UTF-8 text found; name text files, or folders that hold some")
    table = NGramModel.learn(texts, vocabulary=vocabulary_digest(model.tokenizer))
    path = _entry(model) if target is None else target
    path.parent.mkdir(parents=True, exist_ok=True)
    table.write(path)
    left = f", {counted(skipped, 'file')} skipped: no UTF-8 text" if skipped else ""
    return path, f"learned {counted(len(table), 'token')} from {counted(len(texts), 'file')}{left}; stored in {path}"


def _files(source: Path) -> Iterator[Path]:
    """The file itself, or all files below a folder whose names, and whose folders' names, do not begin with a dot."""
    if not source.exists():
        raise FileNotFoundError(f"--learn {source}: there is no such file or folder")
    if not source.is_dir():
        yield source
        return
    for folder, folders, names in os.walk(source):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (file for name in sorted(names) if not name.startswith(".") and (file := Path(folder, name)).is_file())


def _text(file: Path) -> str | None:
    """The text of a file; None if it is not UTF-8 or holds zero bytes, as binary files do."""
    data = file.read_bytes()
    try:
        return None if b"\0" in data else data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _entry(model: Model) -> Path:
    from foretell.decoding.searching.ngram_model import vocabulary_digest
    from foretell.models.cache_folder import entry

    return entry(f"ngrams-{vocabulary_digest(model.tokenizer) if model.tokenizer is not None else 'bare'}.safetensors")
