"""The partial texts that a search expands after a prompt: one token tree, whose rows are pending in the prompt's cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from foretell.decoding.constraint import ConstraintState
from foretell.decoding.search import Hypothesis, SearchRun
from foretell.decoding.token_set import TokenSet
from foretell.models.base import Feed
from foretell.models.one_thread import one_thread


@dataclass(eq=False)
class PartialText:
    """A text that may be continued. tokens: new ones. score: its log-probability in nats. state: of the constraint, or None."""

    tokens: tuple[int, ...]
    score: float
    state: ConstraintState | None
    parent: PartialText | None

    def path(self) -> list[PartialText]:
        """The partial texts from the first new token to this one; [] for the prompt alone."""
        path, text = [], self
        while text.parent is not None:
            path.append(text)
            text = text.parent
        return path[::-1]


@dataclass(eq=False)
class Grown:
    """The continuations of `text`. ended: the text with a stop token, scored by the total probability of all stop tokens; None where it may
    not end. tokens, scores: (n,), the tokens that may follow, the most probable first, and the scores of the texts with them. best_stop:
    the text's score with the most probable stop token alone."""

    text: PartialText
    ended: Hypothesis | None
    tokens: NDArray[np.int64]
    scores: NDArray[np.float64]
    best_stop: float = -np.inf

    def child(self, rank: int) -> PartialText:
        """The text continued with the token of that rank."""
        token, state = int(self.tokens[rank]), self.text.state
        after = None if state is None else state.advance(token)
        return PartialText((*self.text.tokens, token), float(self.scores[rank]), after, self.text)


class SearchTree:
    """Expands texts in batches, one forward pass per batch. A text's row is computed once and stays pending in the cache. When there are
    more than `most_rows` rows, all are dropped and computed again where they are needed."""

    def __init__(self, run: SearchRun, most_rows: int) -> None:
        self.run, self.most_rows = run, most_rows
        size = run.model.vocab_size
        self.stops = np.array(sorted(run.goal.stop_tokens), dtype=np.int64)
        self._everything = TokenSet.everything(size) - TokenSet.of(self.stops, size)
        self._rows: dict[PartialText, int] = {}
        self.num_grown = 0

    def root(self) -> Grown:
        """The continuations of the prompt."""
        row = self.run.read_prompt()
        return self._grow([PartialText((), 0.0, self.run.state, None)], [row])[0]

    def grow(self, texts: Sequence[PartialText]) -> list[Grown]:
        """The continuations of each of `texts`."""
        missing = {prefix: None for text in texts for prefix in text.path()[:-1] if prefix not in self._rows}
        if self._rows and len(self._rows) + len(missing) + len(texts) > self.most_rows:
            self._rows.clear()
            self.run.cache.truncate(self.run.cache.length)
            return self.grow(texts)
        if len(texts) > 1 and len(missing) + len(texts) > self.most_rows:
            half = len(texts) // 2
            return self.grow(texts[:half]) + self.grow(texts[half:])
        parents = []
        for text in (*missing, *texts):
            parents.append(-1 if len(text.tokens) == 1 or text.parent is None else self._rows[text.parent])
            self._rows[text] = len(self._rows)
        fed = [text.tokens[-1] for text in (*missing, *texts)]
        return self._grow(texts, self.run.forward([Feed(self.run.cache, fed, parents, num_logits=len(texts))]))

    def _grow(self, texts: Sequence[PartialText], rows: Sequence[Tensor]) -> list[Grown]:
        self.num_grown += len(texts)
        with one_thread():
            totals = torch.stack(list(rows)).double().logsumexp(-1).tolist()
        return [self._after(text, row, total) for text, row, total in zip(texts, rows, totals, strict=True)]

    def _after(self, text: PartialText, row: Tensor, total: float) -> Grown:
        distributions = row.cpu().numpy()  # (vocab_size,), up to the constant `total`
        allowed = None if text.state is None else text.state.allowed()
        stops = self.stops if allowed is None else self.stops[allowed.mask[self.stops]]
        ended, best = None, -np.inf
        if len(stops):
            stop_scores = distributions[stops].astype(np.float64) - total
            best = float(stop_scores.max())
            if best > -np.inf:
                score = text.score + min(0.0, best + float(np.log(np.exp(stop_scores - best).sum())))
                ended = Hypothesis((*text.tokens, int(stops[stop_scores.argmax()])), score, True)
        tokens = (self._everything if allowed is None else allowed & self._everything).ids
        scores = text.score + np.minimum(distributions[tokens].astype(np.float64) - total, 0.0)
        order = np.argsort(-scores, kind="stable")
        order = order[: np.isfinite(scores).sum()]
        return Grown(text, ended, tokens[order], scores[order], text.score + best)
