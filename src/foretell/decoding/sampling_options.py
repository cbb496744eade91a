"""The usual sampling options as one sampler, applied in the order of transformers and vLLM."""

from __future__ import annotations

from collections.abc import Mapping

from foretell.decoding.sampler import Sampler, SamplerStep
from foretell.decoding.samplers.logit_bias import LogitBias
from foretell.decoding.samplers.min_p import MinP
from foretell.decoding.samplers.penalties import Penalties
from foretell.decoding.samplers.temperature import Temperature
from foretell.decoding.samplers.top_k import TopK
from foretell.decoding.samplers.top_p import TopP
from foretell.errors import UserError


def make_sampler(
    temperature: float = 0.0,
    top_k: int = 0,
    top_p: float = 1.0,
    min_p: float = 0.0,
    repetition_penalty: float = 1.0,
    presence_penalty: float = 0.0,
    frequency_penalty: float = 0.0,
    logit_bias: Mapping[int, float] | None = None,
) -> Sampler:
    """A `Sampler` from plain numbers. A value that means "off" adds no step. temperature 0 is greedy.

    Order: bias, penalties, temperature, top-k, top-p, min-p. Errors: UserError for values out of range.

    >>> make_sampler(temperature=0.7, top_k=8).steps
    (Temperature(value=0.7), TopK(k=8))
    """
    if not 0 <= temperature < float("inf"):
        raise UserError(f"temperature={temperature!r} must be 0 (greedy) or a finite number above")
    if top_k < 0:
        raise UserError(f"top_k={top_k!r} must be 0 (off) or above")
    if not 0 <= min_p <= 1:
        raise UserError(f"min_p={min_p!r} must lie between 0 (off) and 1")
    if not 0 < top_p <= 1:
        raise UserError(f"top_p={top_p!r} must lie in (0, 1] (1 is off)")
    steps: list[SamplerStep] = []
    if logit_bias:
        steps.append(LogitBias(tuple(int(token) for token in logit_bias), tuple(float(bias) for bias in logit_bias.values())))
    if (repetition_penalty, presence_penalty, frequency_penalty) != (1.0, 0.0, 0.0):
        steps.append(Penalties(repetition_penalty, presence_penalty, frequency_penalty))
    if temperature not in (0.0, 1.0):
        steps.append(Temperature(temperature))
    if temperature and top_k:
        steps.append(TopK(top_k))
    if temperature and top_p < 1:
        steps.append(TopP(top_p))
    if temperature and min_p:
        steps.append(MinP(min_p))
    return Sampler(tuple(steps), greedy=temperature == 0)
