"""One request: what a user asks for, and the result so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from foretell.decoding.constraint import Constraint, ConstraintState
from foretell.decoding.draws import Draws
from foretell.decoding.ending import KnownEnding, is_closed
from foretell.decoding.limit import Limit
from foretell.decoding.sampler import Sampler
from foretell.decoding.trace import Trace
from foretell.errors import UserError
from foretell.models.one_thread import one_thread


@dataclass
class Logprob:
    """token: a generated token id. logprob: its log-probability in nats under the target's raw logits, None for a token of an ending, which
    no logits were computed for. top: best (token, logprob) pairs."""

    token: int
    logprob: float | None
    top: list[tuple[int, float]]


@dataclass(eq=False)
class Request:
    """A prompt with its decoding options, and the result so far.

    Options. prompt: token ids, at least one. max_new_tokens: most tokens to generate, at least 1. sampler, draws: how tokens are chosen.
    stop_tokens: they end the text and are not part of it. stops: called with the generated tokens after each new one; True ends the text
    (stop strings). num_logprobs: how many of the best tokens to report, or None. constraint: a rule that the new text obeys, or None; it
    needs stop tokens. max_backtracks: how many tokens may be taken back to get out of dead ends; 0 for text that is streamed. memory:
    (rows, width), what the model reads beside the text (an encoder's output, an image), or None. ending: end the text by
    `ConstraintState.ending`, at the last token after which that still fits max_new_tokens, instead of cutting it. limit: ends the request
    early, in time or when cancelled; None does not. Errors: UserError for values out of range.

    Result, which only the loop changes. tokens: prompt and generated tokens. finish_reason: "" while it runs, then "stop" (stop token or
    string, or a satisfied constraint that allows no further token; after an ending, none but white space), "length" (max_new_tokens),
    "context" (the model's longest text), "dead-end" (a constraint that is not satisfied allows no token), "timeout", "cancelled" or
    "error". error:
    the exception, for "error". logprobs: one entry for each generated token where asked for. trace: the steps. state: the constraint's
    state after the text. num_backtracks: tokens that were taken back. num_ending: how many of the last tokens are the constraint's ending.
    """

    prompt: Sequence[int]
    max_new_tokens: int
    sampler: Sampler
    draws: Draws
    stop_tokens: frozenset[int] = frozenset()
    stops: Callable[[list[int]], bool] | None = None
    num_logprobs: int | None = None
    constraint: Constraint | None = None
    max_backtracks: int = 0
    memory: Tensor | None = None
    ending: bool = False
    limit: Limit | None = None

    tokens: list[int] = field(init=False)
    finish_reason: str = field(default="", init=False)
    error: Exception | None = field(default=None, init=False)
    logprobs: list[Logprob] = field(default_factory=list, init=False)
    trace: Trace = field(default_factory=lambda: Trace(0), init=False)
    state: ConstraintState | None = field(default=None, init=False)
    num_backtracks: int = field(default=0, init=False)
    num_ending: int = field(default=0, init=False)
    _known_ending: KnownEnding = field(default_factory=KnownEnding, init=False, repr=False)

    def __post_init__(self) -> None:
        if not len(self.prompt):
            raise UserError("prompt=[] has no tokens; give at least one")
        if self.max_new_tokens < 1:
            raise UserError(f"max_new_tokens={self.max_new_tokens!r} must be at least 1")
        if self.num_logprobs is not None and self.num_logprobs < 0:
            raise UserError(f"num_logprobs={self.num_logprobs!r} must be 0 or above")
        self.tokens = list(self.prompt)

    @property
    def num_generated(self) -> int:
        """Number of generated tokens."""
        return len(self.tokens) - len(self.prompt)

    @property
    def generated(self) -> list[int]:
        """The generated tokens: those after the prompt."""
        return self.tokens[len(self.prompt) :]

    def write(self, added: Sequence[int], rows: Sequence[Tensor], max_length: int) -> int:
        """Append tokens to the text until one ends it; returns how many were appended, without those of an ending.

        rows: for each token the logits (vocab_size,) it was drawn from. max_length: the model's longest text, in tokens.
        """
        for num, (token, logits) in enumerate(zip(added, rows, strict=True)):
            if token in self.stop_tokens:
                self.finish_reason = "stop" if self.state is None or self.state.accepting else "dead-end"
                return num
            if self.state is not None:
                after = self.state.advance(token)
                excess = 0
                if self.ending:
                    excess = self._known_ending.excess(self.state, token, after, self._room(max_length), self.max_backtracks > 0)
                if excess == 1 or (excess and self.max_backtracks):
                    return self._end(num, excess - 1)
                if excess:  # a text that is streamed stays as it is
                    self._known_ending.given_up = True
                self.state = after
            self.tokens.append(token)
            if self.num_logprobs is not None:
                self.logprobs.append(_logprob(logits, token, self.num_logprobs))
            if (self.stops is not None and self.stops(self.generated)) or (self.state is not None and self.state.finished):
                self.finish_reason = "stop"
            elif self.num_generated >= self.max_new_tokens:
                self.finish_reason = "length"
            elif len(self.tokens) >= max_length:
                self.finish_reason = "context"
            if self.finish_reason:
                return num + 1
        return len(added)

    def _room(self, max_length: int) -> int:
        """How many tokens may still be generated."""
        return min(self.max_new_tokens - self.num_generated, max_length - len(self.tokens))

    def _end(self, num: int, excess: int) -> int:
        """Take back the last `excess` tokens and append the known ending. num: how many tokens this call of `write` has appended; returns
        how many of them are left."""
        del self.tokens[len(self.tokens) - excess :]
        if self.num_logprobs is not None:
            del self.logprobs[len(self.logprobs) - excess :]
        for _ in range(excess - num):
            self.trace.take_back()
        self.state = self._known_ending.state
        for token in self._known_ending.tokens or ():
            self.tokens.append(token)
            self.state = None if self.state is None else self.state.advance(token)
            self.num_ending += 1
            if self.num_logprobs is not None:
                self.logprobs.append(Logprob(token, None, []))
        # A text that may end here, and may also go on, as a number may, was cut.
        self.finish_reason = "stop" if self.state is not None and is_closed(self.state) else "length"
        return max(0, num - excess)


@one_thread()
def _logprob(logits: Tensor, token: int, num: int) -> Logprob:
    logprobs = logits.double().log_softmax(-1)
    values, ids = logprobs.topk(min(num, len(logprobs)))
    return Logprob(token, float(logprobs[token]), list(zip(ids.tolist(), values.tolist(), strict=True)))
