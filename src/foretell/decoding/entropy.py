"""How uncertain a row is."""

from __future__ import annotations

import math

from torch import Tensor

from foretell.models.one_thread import one_thread


@one_thread()
def entropy_bits(logits: Tensor) -> float:
    """Entropy of softmax(`logits`) (vocab_size,) in bits, from 0 to log2 of the vocabulary. ValueError for rows that hold NaN.

    >>> import torch
    >>> entropy_bits(torch.zeros(8))
    3.0
    """
    gaps = logits.double() - logits.double().max()
    weights = gaps.exp()
    total = float(weights.sum())
    # log2 of the sum comes first, so that uniform and one-sided rows have no rounding, and ties with a threshold are ties.
    bits = math.log2(total) - float((weights * gaps.clamp(min=-1e30)).sum()) / total / math.log(2) if total == total else math.nan
    if math.isnan(bits):
        raise ValueError("entropy: the logits hold NaN or no finite value; the model that computed them is broken, check its weights")
    return max(0.0, bits)
