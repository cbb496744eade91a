"""Sampling options as typed, checked and turned into numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from foretell.errors import UserError

if TYPE_CHECKING:
    from foretell.decoding.recipe import Recipe
    from foretell.models.base import Model


def check_sampling(sampling: Mapping[str, Any], biased: bool, recipe: Recipe | None) -> None:
    """Refuse bad values before the model is loaded, and options that a recipe with a sampler of its own would drop."""
    from foretell.decoding.sampling_options import make_sampler

    given = [f"--{name.replace('_', '-')}" for name in sampling] + ["--logit-bias"] * biased
    if recipe is not None and recipe.sampler is not None and given:
        raise UserError(f"{', '.join(given)}: the recipe names its own sampler ({recipe}); say it in one of the two places")
    make_sampler(**sampling)


def read_bias(entries: Sequence[str]) -> dict[str, float]:
    """TOKEN=X options as numbers by token (still as text)."""
    biases = {}
    for entry in entries:
        token, equals, number = entry.rpartition("=")
        try:
            biases[token] = float(number)
        except ValueError:
            equals = ""
        if not equals or not token:
            raise UserError(f"--logit-bias {entry!r} must be TOKEN=X, for example 42=-inf or ' Paris'=2.5")
    return biases


def token_id(model: Model, token: str) -> int:
    """An id as a number, or a text that is one token."""
    if token.isdecimal():
        ids = [int(token)]
    else:
        assert model.tokenizer is not None
        ids = model.tokenizer.encode(token, special=False)
    if len(ids) != 1:
        raise UserError(f"--logit-bias {token!r} is {len(ids)} tokens {ids}; name one of their ids")
    if ids[0] >= model.vocab_size:
        raise UserError(f"--logit-bias {token!r} is beyond the model's vocabulary of {model.vocab_size} tokens")
    return ids[0]
