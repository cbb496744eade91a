"""Tokens become text: appended, counted, watched for what ends it."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from foretell.decoding.request import Logprob, Request
from foretell.models.one_thread import one_thread


def write(request: Request, added: Sequence[int], rows: Sequence[Tensor], max_length: int) -> int:
    """Add tokens to the request's text one by one until one ends it; returns how many were added.

    rows: the logits (vocab_size,) that each was drawn from. max_length: the model's longest text.
    """
    for num, (token, logits) in enumerate(zip(added, rows, strict=True)):
        if token in request.stop_tokens:
            request.finish_reason = "stop" if request.state is None or request.state.accepting else "dead-end"
            return num
        request.tokens.append(token)
        request.state = None if request.state is None else request.state.advance(token)
        if request.num_logprobs is not None:
            request.logprobs.append(_logprob(logits, token, request.num_logprobs))
        if (request.stops is not None and request.stops(request.generated)) or (request.state is not None and request.state.finished):
            request.finish_reason = "stop"
        elif request.num_generated >= request.max_new_tokens:
            request.finish_reason = "length"
        elif len(request.tokens) >= max_length:
            request.finish_reason = "context"
        if request.finish_reason:
            return num + 1
    return len(added)


@one_thread()
def _logprob(logits: Tensor, token: int, num: int) -> Logprob:
    logprobs = logits.double().log_softmax(-1)
    values, places = logprobs.topk(min(num, len(logprobs)))
    return Logprob(token, float(logprobs[token]), list(zip(places.tolist(), values.tolist(), strict=True)))
