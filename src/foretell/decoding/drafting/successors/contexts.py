"""The context of each row of a verification pass: the tokens up to and including the one that was fed."""

from __future__ import annotations

from foretell.decoding.drafter import Seen
from foretell.decoding.tree import ROOT


def seen_contexts(tail: list[int], seen: Seen, longest: int) -> tuple[list[list[int]], list[int]]:
    """(contexts, new tail). A context has `longest` token ids for each row of `seen.logits`, with -1 before the text's beginning.

    tail: the last tokens of the text that was in the cache before, at most `longest`; empty for a new request.

    >>> import torch
    >>> from foretell.decoding.tree import Tree
    >>> seen = Seen([5, 6, 7], torch.zeros(3, 9), Tree.chain([7]), [0], [7, 8])
    >>> seen_contexts([], seen, 2)
    ([[-1, 5], [5, 6], [6, 7]], [6, 7])
    """
    tree = seen.tree
    first = len(seen.fed) - len(tree)
    text = [-1] * (longest - len(tail)) + tail + list(seen.fed[:first])
    rows = len(seen.logits) - len(tree)
    contexts = [text[end - longest : end] for end in range(len(text) - rows + 1, len(text) + 1)]
    root = text[-longest:]
    nodes: list[list[int]] = []
    for token, parent in zip(tree.tokens, tree.parents, strict=True):
        nodes.append([*(root if parent == ROOT else nodes[parent])[1:], token])
    kept = text + [tree.tokens[node] for node in seen.path]
    return contexts + nodes, [token for token in kept[-longest:] if token >= 0]
