"""Superposed Decoding: k drafts for the forward passes of one, because the model reads the mixture of their last tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from foretell.decoding.search import Found, Goal, Hypothesis, Search, SearchRun
from foretell.decoding.searching.frontier import Frontier
from foretell.decoding.searching.ngram_model import NGramModel
from foretell.decoding.verifier import Guarantee
from foretell.models.base import Feed, Model
from foretell.models.top_k import top_k
from foretell.parts import require

#: Subtracted from the score of tokens that no n-gram table knows, where no other token is left.
PENALTY = 200.0


@dataclass(frozen=True)
class Superposed(Search):
    """k drafts share one model state. A step takes the m best tokens of the row of logits, scores them for each draft with n-gram tables,
    keeps the k best drafts, and feeds the mixture of the drafts' last token embeddings, weighted by the softmax of their scores.

    k: number of drafts. m: number of tokens taken from the model's distribution, 3k by default. temperature: divides the logits before
    that. alpha: weight of the n-gram tables in a score, from 0 (the model alone) to below 1; without tables it is 0. orders, weights:
    context lengths that are looked up in the tables, and their weights. ngrams: an `NGramModel`, the file of one, or None.

    Guarantee: lossy: the drafts are not samples and, except for k = 1, not greedy decoding's text; their scores are not the model's
    probabilities (`foretell.decoding.searching.rescoring` gives those). Needs: `Model.embed` and `Feed.embeddings`; tables learned with
    the model's tokenizer. Cost: one pass of one row per token for any k; about 0.05 ms per draft and token for the tables.
    State: one cache, whose mixed rows are dropped at the end. Quality falls with length, because the shared state fits the drafts less
    the more they differ; use it for 10 to 20 new tokens.

    Shen et al., "Superposed Decoding: Multiple Generations from a Single Autoregressive Inference Pass", sections 3.1 to 3.3.
    Departures: where too few tokens are known to the tables for k drafts, unknown ones are taken last, with the penalty of 200 that the
    official code gives to drafts without any known token, instead of minus infinity; contexts longer than the text add nothing, where the
    official code reuses the last value; several stop tokens are allowed.
    Errors: UserError for k below 1, m below 2k or above the vocabulary, temperature of 0 or below, alpha outside [0, 1),
    weights that do not fit the orders, tables of another tokenizer, models without embeddings, goals with a constraint.

    >>> from foretell.models.tiny import TinyModel
    >>> search, model = Superposed(k=2), TinyModel(vocab_size=8, seed=1)
    >>> found = search.run(model, Goal([1, 2], max_new_tokens=3), search.remember(model))
    >>> len(found.hypotheses), found.num_passes
    (2, 3)
    """

    papers = ("superposed",)
    guarantee = Guarantee("lossy", "drafts of a mixed state; scores are not the model's probabilities")

    k: int = 3
    m: int | None = None
    temperature: float = 0.06
    alpha: float = 0.54
    orders: tuple[int, ...] = (1, 2, 3, 4, 5)
    weights: tuple[float, ...] = (0.01, 0.04, 0.15, 0.18, 0.12)
    ngrams: NGramModel | str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "orders", tuple(self.orders))
        object.__setattr__(self, "weights", tuple(self.weights))
        require(self.k >= 1, self, "k", self.k, "must be at least 1")
        need = f"must be at least 2k = {2 * self.k}, so that the first step has 2k tokens to choose from"
        require(self.m is None or self.m >= 2 * self.k, self, "m", self.m, need)
        require(self.temperature > 0, self, "temperature", self.temperature, "must be above 0: drafts are mixed by their probabilities")
        require(0 <= self.alpha < 1, self, "alpha", self.alpha, "must lie in [0, 1); 0 is the model alone")
        fit = f"must have one weight of 0 or above for each of the orders {self.orders!r}"
        require(len(self.weights) == len(self.orders) and all(w >= 0 for w in self.weights), self, "weights", self.weights, fit)
        rising = bool(self.orders) and list(self.orders) == sorted(set(self.orders)) and self.orders[0] >= 1
        require(rising, self, "orders", self.orders, "must be rising context lengths, from 1 on")

    @classmethod
    def examples(cls) -> list[Superposed]:
        return [cls(k=1), cls(k=2, m=4, temperature=0.5, orders=(1, 2), weights=(0.2, 0.3))]

    @property
    def num_candidates(self) -> int:
        """m, or its default 3k."""
        return 3 * self.k if self.m is None else self.m

    def remember(self, model: Model) -> NGramModel | None:
        m = self.num_candidates
        require(m <= model.vocab_size, self, "m", m, f"is more than the model's vocabulary of {model.vocab_size}; lower m, or k")
        model.embed([0])  # raises here, before decoding, where the model takes no embeddings
        table = NGramModel.read(self.ngrams) if isinstance(self.ngrams, str) else self.ngrams
        if table is not None:
            table.check(model, self.orders[-1])
        return table

    def run(self, model: Model, goal: Goal, memory: NGramModel | None) -> Found:
        remedy = "cannot be obeyed: one row serves drafts in different states of it; take beam-search or best-first-search"
        require(goal.constraint is None, self, "goal.constraint", goal.constraint, remedy)
        run, frontier = SearchRun(model, goal), Frontier(self.k, goal.stop_tokens)
        row = run.read_prompt()
        for num_new in range(1, goal.max_new_tokens + 1):
            tokens, logprobs = self.sharpen(row)
            texts = [[*goal.prompt[-self.orders[-1] :], *draft.tokens] for draft in frontier.alive]
            scores, last_resort = self.score(texts, tokens, logprobs, memory)
            frontier.grow(scores, [tokens] * len(texts), last_resort)
            if run.over(num_new, bool(frontier.alive)):
                break
            mixed = self.mix(model, frontier.alive, len(goal.prompt) + num_new - 1)
            [row] = run.forward([Feed(run.cache, embeddings=mixed, num_logits=1)])
            run.cache.keep([0])
        return run.found(frontier.best())

    def sharpen(self, row: Tensor) -> tuple[list[int], NDArray[np.float64]]:
        """The m best tokens of a row (vocab_size,) and their renormalised log-probabilities (m,) at the temperature."""
        values, tokens = top_k(row[None], self.num_candidates)
        return tokens[0].tolist(), (values[0].double() / self.temperature).log_softmax(-1).cpu().numpy()

    def score(
        self, texts: Sequence[Sequence[int]], tokens: Sequence[int], logprobs: NDArray[np.float64], table: NGramModel | None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What each of the m tokens adds to the score of each draft, (drafts, m), and the same for tokens that no table knows."""
        if table is None:
            scores = np.tile(logprobs, (len(texts), 1))
            return scores, scores
        share = (1 - self.alpha) * logprobs
        seen = np.array([table.interpolated(text, tokens, self.orders, self.weights) for text in texts])
        unseen = np.broadcast_to(share - PENALTY, seen.shape)
        if self.alpha == 0:
            return np.broadcast_to(share, seen.shape), unseen
        with np.errstate(divide="ignore"):
            scores = share + self.alpha * np.log(seen)
        return np.where(seen.any(axis=1, keepdims=True), scores, unseen), unseen

    def mix(self, model: Model, drafts: Sequence[Hypothesis], position: int) -> Tensor:
        """The mixture (1, width) of the embeddings of the drafts' last tokens."""
        mixture: dict[int, float] = {}
        for draft, weight in zip(drafts, mixture_weights([draft.score for draft in drafts]), strict=True):
            mixture[draft.tokens[-1]] = mixture.get(draft.tokens[-1], 0.0) + weight
        embeddings = model.embed(list(mixture), position)
        if len(mixture) == 1:
            return embeddings  # bit-identical to the token's embedding
        weights = torch.tensor(list(mixture.values()), device=embeddings.device)
        return (weights[None] @ embeddings.float()).to(embeddings.dtype)


def mixture_weights(scores: Sequence[float]) -> list[float]:
    """The weight of each draft in the mixture: the softmax of the scores.

    >>> mixture_weights([0.0, 0.0])
    [0.5, 0.5]
    """
    shares = np.exp(np.asarray(scores) - max(scores))
    return (shares / shares.sum()).tolist()
