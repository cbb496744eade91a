"""Whether two models mean the same by each token id."""

from __future__ import annotations

from foretell.models.base import Model


def check_same_vocabulary(target: Model, other: Model, name: str = "draft model") -> None:
    """ValueError, calling `other` by `name` and naming the first difference, unless both models mean the same by each token id."""
    if target.tokenizer is not None and other.tokenizer is not None:
        from foretell.models.text import first_difference

        difference = first_difference(target.tokenizer, other.tokenizer)
        if difference:
            raise ValueError(f"{name}: its vocabulary differs from the target's: {difference}; take a {name} of the same family")
    if target.vocab_size != other.vocab_size:
        raise ValueError(
            f"{name}: its logits are {other.vocab_size} wide, the target's {target.vocab_size}; take a {name} of the same family"
        )
