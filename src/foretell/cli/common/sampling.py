"""Checks of the sampling options, and reading of --logit-bias."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from foretell.errors import UserError

if TYPE_CHECKING:
    from foretell.decoding.recipe import Recipe
    from foretell.models.base import Model

#: The sampling options, as `generate` names them.
SAMPLING = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty", "presence_penalty", "frequency_penalty")


def check_sampling(sampling: Mapping[str, Any], biased: bool, recipe: Recipe | None) -> None:
    """Raise UserError for bad values, before the model is loaded, and for options beside a recipe that names its own sampler."""
    from foretell.decoding.sampling_options import make_sampler

    given = [f"--{name.replace('_', '-')}" for name in sampling] + ["--logit-bias"] * biased
    if recipe is not None and recipe.sampler is not None and given:
        raise UserError(
            f"{', '.join(given)}: the recipe has its own sampler ({recipe}); remove these options, or the sampler from the recipe"
        )
    make_sampler(**sampling)


def read_bias(entries: Sequence[str]) -> dict[str, float]:
    """The numbers of TOKEN=X options, by token as typed."""
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
    """The id of a token that is given as an id, or as its text."""
    if token.isdecimal():
        ids = [int(token)]
    else:
        assert model.tokenizer is not None
        ids = model.tokenizer.encode(token, special=False, parse_special=True)
    if len(ids) != 1:
        raise UserError(f"--logit-bias {token!r} is {len(ids)} tokens {ids}; give the id of one")
    if ids[0] >= model.vocab_size:
        raise UserError(f"--logit-bias {token!r} is not in the model's vocabulary of {model.vocab_size} tokens")
    return ids[0]
