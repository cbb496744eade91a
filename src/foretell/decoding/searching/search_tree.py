"""The texts behind a prompt that a search looks at: one token tree, whose rows hang on the prompt's cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from foretell.decoding.constraint import ConstraintState
from foretell.decoding.search import Hypothesis, Run
from foretell.decoding.token_set import TokenSet
from foretell.models.base import Feed
from foretell.models.one_thread import one_thread


@dataclass(eq=False)
class Text:
    """A text that may go on. tokens: new ones. score: its log-probability. state: where its constraint stands, if there is one."""

    tokens: tuple[int, ...]
    score: float
    state: ConstraintState | None
    parent: Text | None

    def path(self) -> list[Text]:
        """Texts from the first new token to this one; none for the prompt alone."""
        path, text = [], self
        while text.parent is not None:
            path.append(text)
            text = text.parent
        return path[::-1]


@dataclass(eq=False)
class Grown:
    """What may come after `text`. ended: the text with a stop token behind it, scored by the chance of any stop token; None where
    it may not end; best_stop: its score with the most probable stop token alone. tokens, scores (n,): those that may follow, the
    most probable first, and the texts' scores with them."""

    text: Text
    ended: Hypothesis | None
    tokens: NDArray[np.int64]
    scores: NDArray[np.float64]
    best_stop: float = -np.inf

    def child(self, rank: int) -> Text:
        """The text with the token of that rank behind it."""
        token, state = int(self.tokens[rank]), self.text.state
        after = None if state is None else state.advance(token)
        return Text((*self.text.tokens, token), float(self.scores[rank]), after, self.text)


class SearchTree:
    """Grows texts in batches, one pass each. A text's row is computed once and stays in the cache, pending, until there are more
    than `most_rows`; then all are dropped, and computed anew where texts behind them are grown."""

    def __init__(self, run: Run, most_rows: int) -> None:
        self.run, self.most_rows = run, most_rows
        size = run.model.vocab_size
        self.stops = np.array(sorted(run.goal.stop_tokens), dtype=np.int64)
        self._everything = TokenSet.everything(size) - TokenSet.of(self.stops, size)
        self._rows: dict[Text, int] = {}
        self.num_grown = 0

    def root(self) -> Grown:
        """What may come after the prompt."""
        row = self.run.read_prompt()
        return self._grow([Text((), 0.0, self.run.state, None)], [row])[0]

    def grow(self, texts: Sequence[Text]) -> list[Grown]:
        """What may come after each of `texts`."""
        missing = {each: None for text in texts for each in text.path()[:-1] if each not in self._rows}
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

    def _grow(self, texts: Sequence[Text], rows: Sequence[Tensor]) -> list[Grown]:
        self.num_grown += len(texts)
        with one_thread():
            totals = torch.stack(list(rows)).double().logsumexp(-1).tolist()
        return [self._after(text, row, total) for text, row, total in zip(texts, rows, totals, strict=True)]

    def _after(self, text: Text, row: Tensor, total: float) -> Grown:
        distributions = row.cpu().numpy()  # (vocab_size,), up to the constant `total`
        allowed = None if text.state is None else text.state.allowed()
        stops = self.stops if allowed is None else self.stops[allowed.mask[self.stops]]
        ended, best = None, -np.inf
        if len(stops):
            chances = distributions[stops].astype(np.float64) - total
            best = float(chances.max())
            if best > -np.inf:
                score = text.score + min(0.0, best + float(np.log(np.exp(chances - best).sum())))
                ended = Hypothesis((*text.tokens, int(stops[chances.argmax()])), score, True)
        tokens = (self._everything if allowed is None else allowed & self._everything).ids
        scores = text.score + np.minimum(distributions[tokens].astype(np.float64) - total, 0.0)
        order = np.argsort(-scores, kind="stable")
        order = order[: np.isfinite(scores).sum()]
        return Grown(text, ended, tokens[order], scores[order], text.score + best)
