"""Token Recycling: keep the k best successors of each token from its last occurrence, and draft a tree from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from foretell.decoding.drafter import Ask, Seen, Traits
from foretell.decoding.drafting.successors.table import SuccessorTable
from foretell.decoding.drafting.table_drafter import TableDrafter
from foretell.decoding.drafting.templates import TOKEN_RECYCLING_80, Template, as_template
from foretell.decoding.tree import ROOT, Tree
from foretell.models.base import Model
from foretell.models.top_k import top_k
from foretell.parts import Needs, require


@dataclass(frozen=True)
class TokenRecycling(TableDrafter[SuccessorTable, SuccessorTable]):
    """A table of successors for each token of the vocabulary, best first: those that the model ranked highest at the token's latest
    occurrence (in prompt, accepted text or rejected draft). A static template of rank paths is filled from it: [i, j] is candidate j of
    candidate i of the text's last token.

    k: successors kept of each token. template: rank paths in order of usefulness, each with its parent; the pace takes as many as pay.
    `best_template` makes one from measured acceptance. learn_prompt: learn from the prompt too (computes logits for the whole prompt).

    Guarantee: exact under any verifier that takes fixed candidates. Needs: logits at every fed row. Cost: top-k of each fed row.
    State: the (vocab_size, k) table, kept across requests; 1.5 MB for 49,152 tokens. Where a token was fed twice in a step,
    the accepted row is kept, else the last one. Unknown tokens have no successors.

    Luo et al., "Turning Trash into Treasure: Accelerating Inference of Large Language Models with Token Recycling", section 3.
    Departures: the update follows `k` (the official code says 8) and also happens on the last step; learning from the prompt is
    optional and off by default: computing logits for the whole prompt costs more than the fuller table gains (log, 2026-11-24).
    Errors: UserError for k too small for the template, or a template that is empty, repeated or not prefix-closed.

    >>> TokenRecycling(k=2, template=((0,), (1,), (0, 0))).k
    2
    """

    papers = ("token-recycling",)

    k: int = 8
    template: Template = TOKEN_RECYCLING_80
    learn_prompt: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "template", as_template(self.template))
        need = max(rank for path in self.template for rank in path) + 1
        require(self.k >= need, self, "k", self.k, f"must be at least {need}, the template's largest rank plus one")

    @classmethod
    def examples(cls) -> list[TokenRecycling]:
        return [cls(k=2, template=((0,), (1,), (0, 0))), cls(k=3, template=((0,), (0, 0), (1,), (2,), (0, 1)), learn_prompt=True)]

    @property
    def needs(self) -> Needs:
        return Needs(prompt_rows=self.learn_prompt)

    @property
    def traits(self) -> Traits:
        return Traits(learns=True, rests=True)

    def remember(self, model: Model) -> SuccessorTable:
        # Below it is read and written by NumPy indexing, because a compiled call costs more than this little work.
        return SuccessorTable(model.vocab_size, (1,), self.k, "overwrite")

    def propose(self, asks: Sequence[Ask]) -> list[Tree]:
        return [self._fill(ask) for ask in asks]

    def table_for(self, ask: Ask) -> SuccessorTable:
        return ask.state

    def _fill(self, ask: Ask) -> Tree:
        table, tree = ask.state, Tree()
        number: dict[tuple[int, ...], int] = {(): ROOT}
        name = self.name
        successors: dict[int, list[int]] = {}
        for path in self.template:
            if len(tree) >= ask.num_nodes:
                break
            parent = number.get(path[:-1])
            if parent is None or len(path) > ask.depth:
                continue
            if parent not in successors:
                successors[parent] = table[tree.tokens[parent] if parent != ROOT else ask.tokens[-1]].tolist()
            token = successors[parent][path[-1]]
            if token >= 0:
                number[path] = tree.add(token, parent, source=name)
        return tree

    def observe_request(self, state: SuccessorTable, seen: Seen) -> None:
        num = len(seen.logits)
        if num == 0:
            return
        guesses = top_k(seen.logits, min(self.k, seen.logits.shape[1]))[1].cpu().numpy()
        fed = np.asarray(seen.fed[len(seen.fed) - num :])
        state[fed, : guesses.shape[1]] = guesses  # of repeated indices NumPy keeps the last
        first = num - len(seen.tree)
        accepted = [*range(first), *(first + node for node in seen.path)]  # rows of the text count as accepted
        state[fed[accepted], : guesses.shape[1]] = guesses[accepted]
