"""N-gram tables that `foretell complete` learns and finds again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from foretell.models.base import Model


def default_table(model: Model) -> Path | None:
    """The table in the cache folder for the model's tokenizer, None where none was learned."""
    path = _entry(model)
    return path if path.is_file() else None


def learn_table(source: Path, model: Model, target: Path | None) -> tuple[Path, str]:
    """Learn from a text file or all text files below a folder; returns where the table is, and a sentence on it."""
    from foretell.decoding.ngram_model import NGramModel, vocabulary_digest

    if not source.exists():
        raise FileNotFoundError(f"--learn {source}: there is no such file or folder")
    if model.tokenizer is None:
        raise ValueError("model: it has no tokenizer, so it cannot read text to learn from")
    files = sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]
    texts, skipped = [], 0
    for file in files:
        try:
            texts.append(model.tokenizer.encode(file.read_text(encoding="utf-8-sig"), special=False))
        except UnicodeDecodeError:
            skipped += 1
    if not any(texts):
        raise ValueError(f"--learn {source}: it holds no UTF-8 text; give text files")
    table = NGramModel.learn(texts, vocabulary=vocabulary_digest(model.tokenizer))
    path = _entry(model) if target is None else target
    path.parent.mkdir(parents=True, exist_ok=True)
    table.write(path)
    left = f", {skipped} left out that are no UTF-8 text" if skipped else ""
    return path, f"learned {len(table)} tokens from {len(texts)} files{left}; kept in {path}"


def _entry(model: Model) -> Path:
    from foretell.decoding.ngram_model import vocabulary_digest
    from foretell.models.cache_folder import entry

    return entry(f"ngrams-{vocabulary_digest(model.tokenizer) if model.tokenizer is not None else 'bare'}.safetensors")
