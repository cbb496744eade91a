"""A corpus that every machine has: the source of Python's standard library and `pydoc_data.topics`, with a small BPE tokenizer.

It is split into training and held-out documents by module. The modules depend on the Python version; therefore a corpus has a fingerprint,
and a trained network carries its own tokenizer.
"""

from __future__ import annotations

import hashlib
import importlib
import sysconfig
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from foretell.errors import UserError
from foretell.models.text import Text

#: Ends every document; also the model's stop token.
END = "<|end|>"
#: Folders with tables, tests or third-party files, which are left out.
_SKIP = frozenset({"site-packages", "dist-packages", "test", "tests", "idlelib", "encodings", "pydoc_data", "__pycache__", "ensurepip"})
_HELD_OUT_OF = 8  #: one module in so many is held out


@dataclass(frozen=True)
class Document:
    """A text with its name. kind: "code" or "prose". held_out: never trained on."""

    name: str
    kind: str
    text: str
    held_out: bool


def documents(max_files: int | None = None) -> list[Document]:
    """The documents of this machine's Python, sorted by name; at most `max_files` files of code (for tests).

    All files of one top-level module are on the same side of the split. Raises FileNotFoundError where Python has no source files.
    """
    root = Path(sysconfig.get_paths()["stdlib"])
    found = []
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).parts
        if _SKIP.intersection(parts) or path.stat().st_size < 500:
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        found.append(Document("/".join(parts), "code", text, _is_held_out(parts[0])))
        if max_files is not None and len(found) >= max_files:
            break
    topics = importlib.import_module("pydoc_data.topics").topics
    found += [Document(name, "prose", text, _is_held_out(name)) for name, text in sorted(topics.items())]
    if not any(document.kind == "code" for document in found):
        raise FileNotFoundError(f"{root} holds no source of the standard library; install Python with its .py files")
    return found


def _is_held_out(module: str) -> bool:
    return zlib.crc32(module.removesuffix(".py").encode()) % _HELD_OUT_OF == 0


@dataclass(frozen=True, eq=False)
class Corpus:
    """Tokenised documents.

    tokenizer: a `tokenizers.Tokenizer`. train, held_out: int32 ids of all documents in one row, each ended by END. length: of windows, in
    tokens. seed: of their starts. `batch_at(step, size)` is a function of its arguments, so that training can be interrupted.
    """

    tokenizer: Any
    train: Tensor
    held_out: Tensor
    length: int = 128
    seed: int = 0

    @classmethod
    def build(
        cls,
        vocab_size: int = 2048,
        length: int = 128,
        seed: int = 0,
        max_files: int | None = None,
        texts: list[Document] | None = None,
        tokenizer: Any = None,
    ) -> Corpus:
        """From `texts` (None: this machine's `documents`), with a new byte-level BPE of `vocab_size` tokens, or an existing `tokenizer`. It
        takes some seconds for the whole standard library. Errors: UserError for a tokenizer without END, and for texts with fewer tokens
        than a window."""
        texts = documents(max_files) if texts is None else texts
        tokenizer = train_tokenizer([text.text for text in texts if not text.held_out], vocab_size) if tokenizer is None else tokenizer
        if tokenizer.token_to_id(END) is None:
            raise UserError(
                f"Corpus: the tokenizer has no token {END!r}, which ends a document; take the tokenizer of a model trained here"
            )
        rows = {side: encode(tokenizer, [text.text for text in texts if text.held_out is side]) for side in (False, True)}
        for side, name in ((False, "train"), (True, "held-out")):
            if len(rows[side]) <= length + 1:
                raise UserError(f"Corpus: its {name} side has {len(rows[side])} tokens, too few for length={length}; add documents")
        return cls(tokenizer, rows[False], rows[True], length, seed)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the tokens."""
        digest = hashlib.blake2b(digest_size=8)
        for row in (self.train, self.held_out):
            digest.update(row.numpy().tobytes())
        return digest.hexdigest()

    @property
    def end(self) -> int:
        """The id of END."""
        return self.tokenizer.token_to_id(END)

    @property
    def text(self) -> Text:
        """The tokenizer as models keep theirs, with END as the token that stops a text."""
        return Text(self.tokenizer, frozenset({self.end}), eos_token=END)

    def batch_at(self, step: int, size: int) -> Tensor:
        """`size` windows of length + 1 tokens from the training side, (size, length + 1) int64."""
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        starts = torch.randint(len(self.train) - self.length, (size, 1), generator=generator)
        return self.train[starts + torch.arange(self.length + 1)].long()

    def held_out_batches(self, num: int = 8, size: int = 16) -> list[Tensor]:
        """Windows spread evenly over the held-out side, always the same: `num` batches of (size, length + 1)."""
        starts = torch.linspace(0, len(self.held_out) - self.length - 1, num * size).long()[:, None]
        return list(self.held_out[starts + torch.arange(self.length + 1)].long().split(size))


def train_tokenizer(texts: list[str], vocab_size: int) -> Any:
    """A byte-level BPE of `vocab_size` tokens, including END; at least 257."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    if vocab_size < 257:
        raise UserError(f"train_tokenizer: vocab_size={vocab_size!r} must be at least 257: 256 bytes and the end of a text")
    tokenizer: Any = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=vocab_size, special_tokens=[END], initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def encode(tokenizer: Any, texts: list[str]) -> Tensor:
    """All texts in one row, int32, each ended by END."""
    end = tokenizer.token_to_id(END)
    ids = [token for encoding in tokenizer.encode_batch(texts) for token in [*encoding.ids, end]]
    return torch.tensor(ids, dtype=torch.int32)
