"""What a text must not depend on: the batch, the order of the requests, and, where drafts are not drawn, the recipe."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from foretell.decoding.draws import SampledDraws
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.sampler import Sampler
from foretell.decoding.session import Session
from foretell.models.base import Model
from foretell.models.tiny import TinyModel
from foretell.testing.laws import STEPPED_CURVE, caching_sampler
from foretell.testing.models import use_small_curves

#: Over the three tokens of the models that texts are compared on.
PROMPTS = ((0, 1, 2, 0, 1, 0), (1, 1, 0, 1), (2, 0))


class IdentityError(AssertionError):
    """A text depends on what it must not depend on."""


@cache
def small_model() -> TinyModel:
    """Three tokens; the next one depends on the four before it."""
    return TinyModel(vocab_size=3, order=4, seed=5)


def decode(
    model: Model, recipe: Recipe, sampler: Sampler, max_new_tokens: int = 24, batch: int = 1, order: Sequence[int] = (0, 1, 2)
) -> list[Request]:
    """The finished requests of `PROMPTS`, run in this order, `batch` at a time, in a session of their own; returned as the prompts stand.

    Request i draws as seed i and ends after max_new_tokens - i tokens, so that batches are ragged.
    """
    use_small_curves(recipe, target=model)
    requests = [Request(prompt, max_new_tokens - i, caching_sampler(sampler), SampledDraws(i)) for i, prompt in enumerate(PROMPTS)]
    for _ in Session(model, recipe, STEPPED_CURVE).run([requests[i] for i in order], max_batch=batch):
        pass
    return requests


@cache
def plain_texts(model: Model, sampler: Sampler, max_new_tokens: int) -> tuple[tuple[int, ...], ...]:
    """The tokens that plain decoding writes."""
    return tuple(tuple(request.generated) for request in decode(model, Recipe(), sampler, max_new_tokens))


def check_identity(recipe: Recipe, sampler: Sampler, model: Model | None = None, max_new_tokens: int = 24) -> None:
    """Raise `IdentityError` unless these hold, on `small_model` or another of three tokens.

    A request's text is the same alone and in a batch that was asked for in another order. The exception: drafters that draw their
    drafts and learn across requests. What another request taught them changes how much is drawn at a position; the output
    distribution is exact all the same.

    Greedy text, and text whose drafts are not drawn, is plain decoding's with the same seed. Greedy text may differ where the trace
    reports a tie: the model's two best tokens were closer than its tolerance.
    """
    model = small_model() if model is None else model
    drafter = recipe.drafter
    alone = decode(model, recipe, sampler, max_new_tokens)
    if sampler.greedy or not drafter.traits.samples:
        for tokens, request in zip(plain_texts(model, sampler, max_new_tokens), alone, strict=True):
            _compare(tokens, request, sampler, f"{recipe}: differs from plain decoding")
    if sampler.greedy or not (drafter.traits.samples and drafter.traits.learns):
        together = decode(model, recipe, sampler, max_new_tokens, batch=3, order=(2, 0, 1))
        for one, other in zip(alone, together, strict=True):
            _compare(one.generated, other, sampler, f"{recipe}: differs in a batch and another order")


def _compare(tokens: Sequence[int], request: Request, sampler: Sampler, what: str) -> None:
    """Raise `IdentityError` at the first token that differs, unless it is a tie of greedy decoding."""
    for place, (one, other) in enumerate(zip(tokens, request.generated, strict=True)):
        if one != other:
            if sampler.greedy and place in request.trace.ties:
                return
            raise IdentityError(f"{what}: prompt {list(request.prompt)}, token {place} is {other} instead of {one}; {sampler!r}")
