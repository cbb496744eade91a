"""Greedy decoding as a search: one text, scored as searches score texts."""

from __future__ import annotations

from foretell.decoding.search import Goal, Hypothesis, SearchRun
from foretell.decoding.searching.search_tree import SearchTree
from foretell.models.base import Model


def greedy_path(model: Model, goal: Goal) -> Hypothesis:
    """The text of the best token of each row, up to a stop token or to the last token that leaves room for one. Where the text may end,
    its score includes the probability of every stop token.

    >>> from foretell.models.tiny import TinyModel
    >>> greedy_path(TinyModel(seed=1), Goal([1, 2], 5, frozenset({3}))).tokens
    (2, 0, 2, 1, 3)
    """
    run = SearchRun(model, goal)
    tree = SearchTree(run, goal.max_new_tokens + 1)
    grown = tree.root()
    while True:
        stop = grown.ended is not None and (not len(grown.tokens) or grown.best_stop > grown.scores[0])
        if stop or not len(grown.tokens) or len(grown.text.tokens) + 1 >= goal.max_new_tokens:
            break
        if len(goal.prompt) + len(grown.text.tokens) >= model.max_length:
            break
        [grown] = tree.grow([grown.child(0)])
    run.found([])
    return grown.ended or Hypothesis(grown.text.tokens, grown.text.score)
