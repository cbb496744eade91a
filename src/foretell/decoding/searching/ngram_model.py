"""`NGramModel`: counts of each token after each context of one to n tokens, without smoothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from foretell.errors import UserError
from foretell.files import atomic_path

if TYPE_CHECKING:
    from foretell.models.base import Model
    from foretell.models.text import Text

#: Put after the end of each text, so that no context spans two texts.
_END = -1
#: Change it when the content of files changes.
_FORMAT = "foretell-ngrams-1"
MAX_ORDER = 5


class NGramModel:
    """Counts of all n-grams of some texts, for contexts of 1 to `max_order` tokens.

    windows: (num_tokens, max_order + 1) int32, every token of the texts with the tokens that follow it (-1 after the end of
    a text), in lexicographic order. Windows with the same first tokens are adjacent, so one sorted array serves all orders, and a count
    is the length of a range. vocabulary: digest of the tokenizer that made the tokens ("" for unknown).

    >>> table = NGramModel.learn([[1, 2, 3], [1, 2, 4, 1, 2, 3]], max_order=2)
    >>> table.counts([1, 2], [3, 4, 5])
    (array([2, 1, 0]), 3)
    """

    def __init__(self, windows: NDArray[np.int32], vocabulary: str = "") -> None:
        if windows.ndim != 2 or windows.shape[1] < 2:
            raise ValueError(f"windows: shape {windows.shape} must be (num_tokens, max_order + 1)")
        self.max_order, self.vocabulary = windows.shape[1] - 1, vocabulary
        self._columns = [np.ascontiguousarray(column) for column in windows.T]

    @classmethod
    def learn(cls, texts: Iterable[Sequence[int]], max_order: int = MAX_ORDER, vocabulary: str = "") -> NGramModel:
        """A model of texts of token ids. max_order: longest context. UserError below 1, and for texts without tokens."""
        if max_order < 1:
            raise UserError(f"max_order={max_order!r} must be at least 1")
        gap = np.full(max_order, _END, dtype=np.int32)
        flat = np.concatenate([part for text in texts for part in (np.asarray(text, dtype=np.int32), gap)] or [gap])
        if flat.max(initial=_END) < 0:
            raise UserError("texts: they hold no token; give some text")
        windows = np.lib.stride_tricks.sliding_window_view(np.concatenate([flat, gap]), max_order + 1)[: len(flat)]
        windows = windows[flat >= 0]
        return cls(windows[np.lexsort(windows.T[::-1])], vocabulary)

    def __len__(self) -> int:
        """Number of tokens in the texts."""
        return len(self._columns[0])

    def __repr__(self) -> str:
        return f"NGramModel({len(self)} tokens, max_order={self.max_order}, {self.fingerprint})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NGramModel) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    @cached_property
    def fingerprint(self) -> str:
        """Digest of vocabulary and counts."""
        digest = hashlib.blake2b(self.vocabulary.encode(), digest_size=8)
        for column in self._columns:
            digest.update(column.tobytes())
        return digest.hexdigest()

    def counts(self, context: Sequence[int], candidates: Sequence[int]) -> tuple[NDArray[np.int64], int]:
        """How often each candidate followed `context` (1 to max_order tokens), and how often any token did."""
        low, high = 0, len(self)
        for column, token in zip(self._columns, context):
            values = column[low:high]
            first, last = values.searchsorted((token, token + 1))
            low, high = low + int(first), low + int(last)
            if low == high:
                return np.zeros(len(candidates), dtype=np.int64), 0
        values, wanted = self._columns[len(context)][low:high], np.asarray(candidates)
        return values.searchsorted(wanted, "right") - values.searchsorted(wanted), high - low - int(values.searchsorted(0))

    def interpolated(
        self, text: Sequence[int], candidates: Sequence[int], orders: Sequence[int], weights: Sequence[float]
    ) -> NDArray[np.float64]:
        """For each candidate after `text`, the sum over orders of weight * relative frequency, (candidates,). Unknown contexts and contexts
        longer than the text add nothing."""
        mixed = np.zeros(len(candidates))
        for order, weight in zip(orders, weights, strict=True):
            if order <= len(text):
                counts, total = self.counts(text[len(text) - order :], candidates)
                if total:
                    mixed += weight / total * counts
        return mixed

    def check(self, model: Model, max_order: int = 1) -> None:
        """UserError unless the table was learned with the model's tokenizer and reaches contexts of `max_order` tokens."""
        if self.vocabulary and model.tokenizer is not None and self.vocabulary != vocabulary_digest(model.tokenizer):
            raise UserError("n-gram table: it was learned with another tokenizer than this model's; learn it anew with this model")
        largest = int(self._columns[0][-1])
        if largest >= model.vocab_size:
            raise UserError(f"n-gram table: it holds token {largest}, beyond the model's vocabulary of {model.vocab_size}")
        if max_order > self.max_order:
            raise UserError(f"n-gram table: it knows contexts of {self.max_order} tokens, but order {max_order} is asked for")

    def write(self, path: str | Path) -> None:
        """Write to a safetensors file, which is replaced as a whole. Raises FileWriteError."""
        from safetensors.numpy import save_file

        tensors = {f"column{i}": column for i, column in enumerate(self._columns)}
        with atomic_path(path) as temporary:
            save_file(tensors, temporary, metadata={"format": _FORMAT, "vocabulary": self.vocabulary})

    @classmethod
    def read(cls, path: str | Path) -> NGramModel:
        """Read what `write` wrote; FileNotFoundError where there is no file, UserError where it is another or a damaged file."""
        from safetensors import SafetensorError, safe_open

        if not Path(path).is_file():
            raise FileNotFoundError(
                f"{path}: there is no such n-gram table; learn one with NGramModel.learn or `foretell complete --learn`"
            )
        try:
            with safe_open(path, framework="numpy") as file:
                metadata: dict[str, Any] = file.metadata() or {}
                if metadata.get("format") != _FORMAT:
                    raise ValueError(f"it says format {metadata.get('format')!r}")
                columns = [file.get_tensor(f"column{i}") for i in range(len(file.keys()))]
        except (SafetensorError, ValueError) as error:
            raise UserError(f"{path}: not a whole n-gram table ({error}); learn it anew") from error
        return cls(np.stack(columns, axis=1), metadata.get("vocabulary", ""))


def vocabulary_digest(text: Text) -> str:
    """Digest of the tokenizer's vocabulary."""
    return hashlib.blake2b("\0".join(text.vocabulary).encode(errors="surrogatepass"), digest_size=12).hexdigest()
