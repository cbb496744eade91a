"""A static template whose siblings are drawn without replacement from a successor table's distributions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from foretell.decoding.distribution import Distribution
from foretell.decoding.drafter import DRAFT_STREAM, Ask
from foretell.decoding.drafting.successors.table import SuccessorTable
from foretell.decoding.drafting.templates import Template
from foretell.decoding.drafting.trees.paths import grade_of
from foretell.decoding.sampler import Candidates, NonFiniteLogitsError, NoTokenLeftError, Sampler
from foretell.decoding.tree import ROOT, Kind, Tree


def gumbel_tree(table: SuccessorTable, ask: Ask, template: Template, source: str) -> Tree:
    """A tree drawn node by node in the template's order. The table's row for a node's context, after the request's sampler, is the q that
    the node's children are drawn from, each without its earlier siblings. A child's rank is its position in drawing order.

    Drawing one after the other and renormalising has the distribution of Gumbel-top-k (add Gumbel noise to log q, take the k largest in
    order; Kool et al., "Stochastic Beams and Where to Find Them", section 3), and it can be enumerated. Where the template asks for more
    children than q has tokens, the node gets fewer, which `table.statistics["short"]` counts. Grade: -log2 of the largest probability of q,
    rounded; the same for all siblings.

    The draws of a level belong to its position and depth: one stream per level, so that two steps never share one.
    """
    tree = Tree()
    nodes: dict[tuple[int, ...], int] = {(): ROOT}
    distributions: dict[tuple[int, ...], tuple[Distribution, int] | None] = {}
    left: dict[tuple[int, ...], Distribution | None] = {}
    draws: dict[int, object] = {}
    for path in template:
        if len(tree) >= ask.num_nodes:
            break
        above, level = path[:-1], len(path)
        if above not in nodes or level > ask.depth:
            continue
        if above not in distributions:
            drafted = [tree.tokens[node] for node in tree.path(nodes[above])]
            distributions[above] = distribution_after(table, ask.tokens, drafted, ask.sampler, ask.prompt_length)
            entry = distributions[above]
            left[above] = entry[0] if entry else None
        distribution, rest = distributions[above], left[above]
        if distribution is None:
            continue
        if rest is None:
            table.statistics["short"] += 1
            continue
        if level not in draws:
            draws[level] = ask.draws.at(len(ask.tokens) + level - 1, DRAFT_STREAM + level - 1)
        token = rest.draw(draws[level])  # type: ignore[arg-type]
        nodes[path] = tree.add(token, nodes[above], Kind.WITHOUT_REPLACEMENT, distribution[0], source, distribution[1])
        left[above] = rest.without(token) if len(rest.ids) > 1 else None
    return tree


def distribution_after(
    table: SuccessorTable, text: Sequence[int], drafted: Sequence[int], sampler: Sampler, prompt_length: int
) -> tuple[Distribution, int] | None:
    """(q, grade) of the token after `text` and `drafted` by the table, after the sampler; None where the table has no row for it."""
    context = [*text[-table.longest :], *drafted]
    tokens, probs = table.successors(context)
    if not tokens:
        return None
    order = np.argsort(tokens)
    ids = torch.tensor(tokens)[order]
    logits = torch.tensor(probs, dtype=torch.float32)[order].log()
    candidates = Candidates(logits, ids, table.vocab_size)
    if any(step.needs_vocabulary for step in sampler.steps):
        row = torch.full((table.vocab_size,), float("-inf"))
        row[ids] = logits
        candidates = Candidates(row, None, table.vocab_size)
    try:
        q = sampler.distribution_of(candidates, [*text, *drafted] if sampler.needs_history else (), prompt_length)
    except (NonFiniteLogitsError, NoTokenLeftError):
        return None  # the sampler forbids all successors in the table
    return q, grade_of(float(q.probs.max()))
