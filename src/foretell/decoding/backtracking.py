"""Out of a dead end: the last token is taken back and its place is tried without it.

Depth-first and without a second thought: what is found obeys the rule, but where a token was taken back the text is no longer a sample of
the law restricted step by step (which would be left with nothing there).
"""

from __future__ import annotations

from foretell.decoding.constraints.base import State
from foretell.decoding.request import Request
from foretell.decoding.token_set import TokenSet
from foretell.models.vocabulary import Vocabulary


class Avoiding(State):
    """`inner` without the texts that are known to lead to nothing. dead: such texts, as tokens from here on."""

    def __init__(self, inner: State, dead: frozenset[tuple[int, ...]]) -> None:
        self.inner, self.dead, self.vocabulary = inner, dead, inner.vocabulary
        self._allowed: TokenSet | None = None

    def allowed(self) -> TokenSet:
        if self._allowed is None:
            barred = [text[0] for text in self.dead if len(text) == 1]
            self._allowed = self.inner.allowed() - TokenSet.of(barred, self.vocabulary.size)
        return self._allowed

    def advance(self, token: int) -> State:
        if (token,) in self.dead:
            raise ValueError(f"advance: token={token!r} leads to a dead end")
        after = self.inner.advance(token)
        dead = frozenset(text[1:] for text in self.dead if text[0] == token)
        return Avoiding(after, dead) if dead else after


def step_back(request: Request, vocabulary: Vocabulary) -> bool:
    """Take back the last token of a request that came to a dead end, so that it can go on; False where nothing is left to take back, or
    the request's budget for it is spent. Whoever decodes it must then fit cache and drafts to the shorter text."""
    if not request.num_generated or request.num_backtracks >= request.max_backtracks or request.constraint is None:
        return False
    request.num_backtracks += 1
    request.dead_ends.add(tuple(request.generated))
    request.tokens.pop()
    if request.logprobs:
        request.logprobs.pop()
    request.trace.take_back()
    request.finish_reason = ""
    request.state = Avoiding(request.constraint.start(vocabulary, request.prompt), frozenset(request.dead_ends))
    for token in request.generated:
        request.state = request.state.advance(token)
    return True
