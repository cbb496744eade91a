"""Lexical unit decoding: placeholder tokens in the target's pass predict the tokens after the next one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from foretell.decoding.drafter import Ask, Drafter, Queries, Seen
from foretell.decoding.tree import ROOT, Tree
from foretell.errors import UserError
from foretell.models.base import Model
from foretell.models.one_thread import one_thread
from foretell.parts import Needs, require

PLACES = ("end", "all")


@dataclass
class _State:
    """placeholder: its token id. predictions: (token, probability) for the positions after the text's last token."""

    placeholder: int
    predictions: list[tuple[int, float]] = field(default_factory=list)


@dataclass(frozen=True)
class PlaceholderHeads(Drafter[Model, _State]):
    """The fine-tuned target predicts the tokens after the next one itself, without a second model, extra heads or a second pass.

    This is a reconstruction: the paper's code was not published, and the paper does not specify the tensors. The pass has
    `num_tokens` - 1 placeholders after the tree; each row's best token is the draft for the next step, as long as its probability is high.

    num_tokens: K, the most tokens a step writes, including the target's own. min_confidence: probability below which a span ends.
    no_repeat: also end the span at a token that equals the previous one or repeats a pair of the span. placeholder: token id; None is the
    token that the model suppresses. behind: "end", placeholders after the tree's first path only, or "all", after every node, which also
    helps where a draft is accepted in part, but feeds more rows.

    Guarantee: exact under any exact verifier; lossy with the verifier `confidence`, as published. Needs: a model tuned by
    `foretell.training.unit_tuner`; an untuned one predicts poorly. Cost: K - 1 rows of the target's pass. State: the last predictions.
    Departures: a step's span is verified, or accepted unchecked, in the next step, whose pass feeds it in any case.
    Errors: UserError for fewer than 2 tokens, a model without a suppressed token, or a placeholder that is a real token.

    Sun et al., "Decoding at the Speed of Thought: Harnessing Parallel Decoding of Lexical Units for LLMs", section 3.3.

    >>> PlaceholderHeads(num_tokens=3).queries(_State(7), Tree.chain([1])).parents
    [0, 1]
    """

    papers = ("lexical-unit",)

    num_tokens: int = 4
    min_confidence: float = 0.9
    no_repeat: bool = True
    placeholder: int | None = None
    behind: str = "end"

    def __post_init__(self) -> None:
        good = isinstance(self.num_tokens, int) and self.num_tokens >= 2
        require(good, self, "num_tokens", self.num_tokens, "must be at least 2: the target's own token and one placeholder")
        require(0 < self.min_confidence <= 1, self, "min_confidence", self.min_confidence, "must be a probability above 0")
        require(self.behind in PLACES, self, "behind", self.behind, f"must be one of {', '.join(PLACES)}")

    @classmethod
    def examples(cls) -> list[PlaceholderHeads]:
        return [cls(3, 0.3, placeholder=1), cls(2, 0.3, False, 0, "all")]  # for a tiny model, which has no tokenizer

    def remember(self, model: Model) -> Model:
        _ = self._placeholder_of(model)
        return model

    def _placeholder_of(self, model: Model) -> int:
        chosen = self.placeholder
        if chosen is None:
            if len(model.suppressed) != 1:
                raise UserError(
                    f"PlaceholderHeads: placeholder=None, but the model suppresses {len(model.suppressed)} tokens and not one; "
                    "load a model that was tuned for lexical units, or name the placeholder"
                )
            return model.suppressed[0]
        require(0 <= chosen < model.vocab_size, self, "placeholder", chosen, f"is outside the vocabulary of {model.vocab_size}")
        if model.tokenizer is not None and chosen not in model.suppressed:
            raise UserError(f"PlaceholderHeads: placeholder={chosen!r} is a token that the model may generate; take one that it suppresses")
        return chosen

    def begin(self, memory: Model, text: Sequence[int], cached: int = 0) -> _State:
        return _State(self._placeholder_of(memory))

    @property
    def needs(self) -> Needs:
        return Needs(tuned=True)

    def draft_cost(self, memory: Model, depth: int) -> float:
        from foretell.decoding.pacing.measured_curve import curve_of

        curve = curve_of(memory)
        return curve(self.num_tokens) - curve(1)

    def propose(self, asks: Sequence[Ask]) -> list[Tree]:
        return [self._span(ask) for ask in asks]

    def _span(self, ask: Ask) -> Tree:
        tree = Tree()
        before, pairs = ask.tokens[-1], set()
        for token, confidence in ask.state.predictions[: min(ask.num_nodes, ask.depth)]:
            repeats = self.no_repeat and (token == before or (before, token) in pairs)
            if confidence < self.min_confidence or repeats:
                break
            tree.add(token, len(tree) - 1, source=self.name, confidence=confidence)
            pairs.add((before, token))
            before = token
        return tree

    def queries(self, state: _State, tree: Tree) -> Queries:
        queries = Queries()
        for node in self._places(tree):
            for _ in range(self.num_tokens - 1):
                queries.parents.append(node)
                queries.tokens.append(state.placeholder)
                node = len(tree) + len(queries) - 1
        return queries

    def _places(self, tree: Tree) -> list[int]:
        """The nodes that have placeholders after them."""
        if self.behind == "all":
            return [ROOT, *range(len(tree))]
        family, node = tree.children(), ROOT
        while node in family:
            node = family[node][0]
        return [node]

    @one_thread()
    def observe_request(self, state: _State, seen: Seen) -> None:
        state.predictions = []
        last, places = (seen.path[-1] if seen.path else ROOT), self._places(seen.tree)
        if not len(seen.query_logits) or last not in places:
            return
        start, num = places.index(last) * (self.num_tokens - 1), self.num_tokens - 1
        rows = torch.as_tensor(seen.query_logits[start : start + num]).double()
        rows[:, state.placeholder] = -torch.inf
        best, tokens = rows.softmax(-1).max(-1)
        state.predictions = list(zip(tokens.tolist(), best.tolist(), strict=True))
