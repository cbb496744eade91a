"""The model's log-probabilities of given continuations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from foretell.decoding.tree import ROOT, Tree
from foretell.errors import UserError
from foretell.models.base import Cache, Context, Feed, Model
from foretell.models.reading import catch_up


def log_probabilities(
    model: Model, prompt: Sequence[int], continuations: Sequence[Sequence[int]], cache: Cache | None = None
) -> list[NDArray[np.float64]]:
    """The model's log-probability of each token of each continuation of `prompt`, in nats, in one forward pass over the tree
    that the continuations form, after those that a long prompt takes.

    cache: one whose committed rows are a prefix of the prompt; afterwards it holds the prompt without its last token. Returns one array
    (length,) per continuation. Errors: UserError for an empty prompt.

    >>> from foretell.models.tiny import TinyModel
    >>> [scores] = log_probabilities(TinyModel(sharpness=0), [1], [[2, 3]])
    >>> scores.round(3).tolist()
    [-1.386, -1.386]
    """
    if not len(prompt):
        raise UserError("prompt=[] has no tokens; give at least one")
    cache = model.new_cache(Context(len(prompt))) if cache is None else cache
    cache.reuse(len(prompt))
    tree, number = Tree(), {}
    paths = []
    for continuation in continuations:
        node, path = ROOT, []
        for token in continuation:
            if (node, token) not in number:
                number[node, token] = tree.add(token, node)
            path.append(node)
            node = number[node, token]
        paths.append(path)
    catch_up(model, [(cache, prompt)])
    fed = list(prompt[cache.length :])
    last = len(fed) - 1
    parents = [*range(-1, last), *(parent + last + 1 for parent in tree.parents)]  # ROOT is -1: the prompt's last token
    [rows] = model.forward([Feed(cache, fed + tree.tokens, parents, num_logits=1 + len(tree))])
    cache.keep(range(last))
    distributions = rows.logits.double().log_softmax(-1).cpu().numpy()
    return [
        np.array([distributions[1 + node, token] for node, token in zip(path, continuation, strict=True)])
        for path, continuation in zip(paths, continuations, strict=True)
    ]
