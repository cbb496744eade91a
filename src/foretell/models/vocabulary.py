"""What each token writes, and whether two models mean the same by each token id."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, TypeVar

from foretell.errors import UserError
from foretell.models.base import Model
from foretell.models.fitted import FittedModel
from foretell.pool import Pool

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The bytes of every token, for methods that reason about text.

    tokens: by id, as many as the model's logits; None for control tokens, and for ids that stand for no text or are never
    generated. stop_tokens: ids that end a text. tokenizer: a `foretell.models.text.Text`, or None, where `encode` takes the longest
    token that fits, again and again. model: the fingerprint of the model that it is of. memories: the memories of the constraints that
    were used last with this vocabulary (`Constraint.memory`). Copies and pickles begin with empty pools.
    """

    tokens: tuple[bytes | None, ...]
    stop_tokens: frozenset[int]
    tokenizer: Any = None
    model: str = ""
    memories: Pool[Any, Any] = field(default_factory=lambda: Pool(max_items=32), init=False, repr=False)
    _derived: Pool[Any, Any] = field(default_factory=lambda: Pool(max_items=32), init=False, repr=False)

    @classmethod
    def of(cls, model: Model, stop_tokens: Iterable[int] | None = None) -> Vocabulary:
        """The model's, made once; with its tokenizer's stop tokens, or those given. ValueError where nothing says what tokens write."""
        tokenizer = model.tokenizer
        given = tokenizer.stop_tokens if stop_tokens is None and tokenizer is not None else stop_tokens or ()
        stops = frozenset(token for token in given if token < model.vocab_size)  # others are never written
        return model.pool.get(("vocabulary", stops), lambda: cls(_spelling(model, stops), stops, tokenizer, model.fingerprint))

    @property
    def size(self) -> int:
        """How many token ids there are."""
        return len(self.tokens)

    def derive(self, make: Callable[[Vocabulary], T]) -> T:
        """`make(self)`, computed once: tries and masks of the tokens, and other libraries' views of them. `make` is the key, so it must
        be a function or class that lives as long as the program."""
        return self._derived.get(make, partial(make, self))

    @cached_property
    def fingerprint(self) -> str:
        """A digest of what each token writes and which end a text."""
        return hashlib.sha256(repr((self.tokens, sorted(self.stop_tokens))).encode()).hexdigest()[:16]

    def text(self, tokens: Iterable[int]) -> bytes:
        """What the tokens write; control tokens write nothing."""
        return b"".join(self.tokens[token] or b"" for token in tokens)

    def encode(self, text: str | bytes) -> list[int]:
        """Token ids that write `text`, as the tokenizer cuts it; bytes that are not UTF-8 are cut into the longest tokens.
        ValueError where no token writes the next byte."""
        if self.tokenizer is not None:
            try:
                ids = self.tokenizer.encode(text if isinstance(text, str) else text.decode("utf-8"), special=False)
            except UnicodeDecodeError:
                ids = None
            if ids is not None and self.text(ids) == (text.encode("utf-8") if isinstance(text, str) else text):
                return ids
        return self._longest(text.encode("utf-8") if isinstance(text, str) else text)

    def _longest(self, data: bytes) -> list[int]:
        ids, place = [], 0
        while place < len(data):
            for length in range(min(self._most_bytes, len(data) - place), 0, -1):
                token = self._by_bytes.get(data[place : place + length])
                if token is not None:
                    break
            else:
                raise UserError(f"encode: no token writes byte {data[place]:#04x} of {data!r}")
            ids.append(token)
            place += length
        return ids

    @cached_property
    def _by_bytes(self) -> dict[bytes, int]:
        return {data: token for token, data in reversed(list(enumerate(self.tokens))) if data}

    @cached_property
    def _most_bytes(self) -> int:
        return max(map(len, self._by_bytes), default=0)


def _spelling(model: Model, stops: frozenset[int]) -> tuple[bytes | None, ...]:
    tokens: Sequence[bytes | None] | None = model.spelling if model.tokenizer is None else model.tokenizer.token_bytes
    if tokens is None:
        raise UserError("Vocabulary: the model has neither a tokenizer nor a spelling, so nothing says what its tokens write")
    silent = stops | set(model.suppressed)
    spelling: list[bytes | None] = [None if token in silent else data for token, data in enumerate(tokens[: model.vocab_size])]
    return (*spelling, *[None] * (model.vocab_size - len(spelling)))


def check_same_vocabulary(target: Model, other: Model, name: str = "draft model") -> None:
    """ValueError, calling `other` by `name` and naming the first difference, unless both models mean the same by each token id.

    Models of one tokenizer may differ in the width of their logits: ids that the tokenizer does not have are padding."""
    if target.tokenizer is None or other.tokenizer is None:
        if target.vocab_size != other.vocab_size:
            raise UserError(
                f"{name}: its logits are {other.vocab_size} wide, the target's {target.vocab_size}; take a {name} of the same family"
            )
        return
    from foretell.models.text import first_difference

    difference = first_difference(target.tokenizer, other.tokenizer)
    if difference:
        raise UserError(f"{name}: its vocabulary differs from the target's: {difference}; take a {name} of the same family")


def fitted(target: Model, other: Model, name: str = "draft model") -> Model:
    """`other`, with logits as wide as the target's. ValueError as in `check_same_vocabulary`."""
    check_same_vocabulary(target, other, name)
    return other if other.vocab_size == target.vocab_size else FittedModel(other, target.vocab_size)


def check_same_chat(target: Model, other: Model, name: str) -> None:
    """ValueError unless both models end an answer at the same tokens and read a chat through the same template."""
    if target.tokenizer is None or other.tokenizer is None:
        return
    for what in ("stop_tokens", "chat_template"):
        if getattr(target.tokenizer, what) != getattr(other.tokenizer, what):
            raise UserError(
                f"{name}: its {what} differs from the target's, so the two would read one chat differently; "
                f"take a {name} of the same family, or pass the tokenizers with the same {what}"
            )
