"""The draft model's trees, its lagging cache, and the vocabularies it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.draft_order import DraftCosts, DraftOrder
from foretell.decoding.drafters.beam import Beam
from foretell.decoding.drafters.draft_model import SIBLINGS, DraftModel
from foretell.decoding.drafters.stochastic_beam import StochasticBeam
from foretell.decoding.drafters.union import Union
from foretell.decoding.draws import SampledDraws
from foretell.decoding.pace import Pace
from foretell.decoding.paces.never_slower import NeverSlower
from foretell.decoding.pacing.measured_curve import use_curve
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.sampler import Sampler
from foretell.decoding.samplers.penalties import Penalties
from foretell.decoding.samplers.top_k import TopK
from foretell.decoding.sampling_options import make_sampler
from foretell.decoding.session import Session
from foretell.decoding.tree import ROOT, Kind, Tree
from foretell.models.base import Feed
from foretell.models.text import Text
from foretell.models.tiny import TinyModel
from tests.decoding.helpers import GREEDY, run

SIZE = 12


def target() -> TinyModel:
    return TinyModel(SIZE, seed=1)


def propose(drafter: DraftModel, text: list[int], sampler: Sampler, num_nodes: int = 80, depth: int = 80, seed: int = 0) -> Tree:
    from foretell.decoding.drafter import Ask

    state = drafter.begin(drafter.remember(target()), text)
    return drafter.propose([Ask(text, 1, state, num_nodes, depth, sampler, SampledDraws(seed))])[0]


@pytest.mark.parametrize("siblings", ["sampled", "without-replacement", "top-k"])
def test_every_node_of_a_depth_has_as_many_children_as_branching_says(siblings):
    tree = propose(DraftModel(TinyModel(SIZE, seed=2), (3, 2, 1), siblings), [1, 2], Sampler())
    family = tree.children()
    assert len(tree) == 3 + 6 + 6
    for node in [ROOT, *range(len(tree))]:
        depth = len(tree.path(node))
        assert len(family.get(node, ())) == ((3, 2, 1)[depth] if depth < 3 else 0)
        if siblings != "sampled":
            assert len({tree.tokens[child] for child in family.get(node, ())}) == len(family.get(node, ()))


def test_each_node_carries_the_law_it_was_drawn_from():
    """q is the draft's own distribution after the node's path, under the target's sampler with that path as history."""
    draft = TinyModel(SIZE, seed=2)
    sampler = Sampler((Penalties(repetition=1.5, presence=0.7), TopK(6)))
    tree = propose(DraftModel(draft, (2, 2), "without-replacement"), [1, 2], sampler)
    for node, parent in enumerate(tree.parents):
        text = [1, 2, *(tree.tokens[up] for up in tree.path(parent))]
        row = draft.forward([Feed(draft.new_cache(), text, num_logits=1)])[0].logits[-1]
        q = tree.q[node]
        assert q is not None
        assert q.dense().tolist() == pytest.approx(sampler.distribution(row, text, 1).dense().tolist())
        assert q[tree.tokens[node]] > 0
    assert set(tree.kinds) == {Kind.WITHOUT_REPLACEMENT}


def test_top_k_siblings_are_the_most_probable_and_fixed():
    draft = TinyModel(SIZE, seed=2)
    tree = propose(DraftModel(draft, (3,), "top-k"), [1, 2], Sampler())
    row = draft.forward([Feed(draft.new_cache(), [1, 2], num_logits=1)])[0].logits[-1]
    assert tree.tokens == row.topk(3).indices.tolist()
    assert (set(tree.kinds), set(tree.q)) == ({Kind.FIXED}, {None})


def test_a_law_of_one_token_has_one_child():
    for siblings in ("sampled", "without-replacement"):
        assert len(propose(DraftModel(TinyModel(SIZE), (3, 2), siblings), [1], GREEDY)) == 2


def test_greedy_trees_are_as_wide_as_any():
    """Fixed candidates are ranked by the distribution before the arg-max, of which there would be one."""
    drafter = DraftModel(TinyModel(SIZE), (3, 2), "top-k")
    assert propose(drafter, [1], GREEDY) == propose(drafter, [1], Sampler())


def test_limits_cut_the_last_levels_first():
    drafter = DraftModel(TinyModel(SIZE), (2, 2), "top-k")
    whole = propose(drafter, [1, 2], Sampler())
    assert propose(drafter, [1, 2], Sampler(), num_nodes=3) == whole.clip(3, 80)
    assert propose(drafter, [1, 2], Sampler(), depth=1) == whole.clip(80, 1)


@dataclass(frozen=True)
class Whims(Pace):
    """Asks for drafts of changing size, or none, and verifies changing parts of them: caches must follow all the same."""

    def begin(self, memory: Any, alone: bool = False) -> list[int]:
        return [0]

    def limit(self, state: Any, costs: DraftCosts) -> DraftOrder:
        state[0] += 1
        return DraftOrder((8, 0, 3, 8, 1)[state[0] % 5], (3, 3, 1, 2)[state[0] % 4])

    def trim(self, states: Sequence[Any], trees: Sequence[Tree], costs: DraftCosts) -> list[Tree]:
        return [tree.clip((0, 8, 1, 8, 2, 3)[state[0] % 6], 3) for state, tree in zip(states, trees, strict=True)]


class Checking(TinyModel):
    """A draft model whose caches are checked, at each new proposal, to hold nothing but the text."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.texts: list[list[int]] = []

    def _forward(self, feeds, hidden, start, stop):
        for feed in feeds:
            if len(feed.cache.pending) == len(feed):  # the first feed of a proposal
                assert len(feed) >= 1
                self.texts.append([*feed.cache.tokens, *feed.tokens])
        return super()._forward(feeds, hidden, start, stop)


WITH_A_MODEL = {
    **{siblings: partial(DraftModel, branching=(2, 1, 1), siblings=siblings) for siblings in SIBLINGS},
    "stochastic-beam": partial(StochasticBeam, width=2, length=3),
    "beam": partial(Beam, width=2, length=3),
}


@pytest.mark.parametrize("name", WITH_A_MODEL)
@pytest.mark.parametrize("composed", [False, True])
def test_the_cache_holds_the_text_whatever_was_asked_trimmed_or_accepted(name, composed):
    model = target()
    draft = Checking(SIZE, seed=1, sharpness=1.2)  # the target's own rows, flatter: often accepted
    drafter = WITH_A_MODEL[name](draft)
    other = DraftModel(TinyModel(SIZE, seed=5), (1,), name if name in SIBLINGS else "sampled")
    recipe = Recipe(Union((other, drafter)) if composed else drafter, pace=Whims())
    for seed in range(4):
        draft.texts.clear()
        request = Request([1, 2, 3], 60, make_sampler(temperature=1.0, top_k=5), SampledDraws(seed))
        run(model, recipe, [request])
        assert len(draft.texts) > 10
        assert all(text == request.tokens[: len(text)] for text in draft.texts)
        assert sum(len(step.accepted) for step in request.trace.steps) > 5


def test_a_token_that_was_pruned_and_then_said_by_the_target():
    """The draft had a row of it already; the next proposal needs that row again."""
    model = target()
    for draft_seed in range(6):
        requests = [Request([seed, 2], 40, GREEDY, SampledDraws(seed)) for seed in range(3)]
        draft = TinyModel(SIZE, seed=1 if draft_seed == 0 else draft_seed + 10)
        use_curve(draft, CostCurve.flat(0.01))
        run(model, Recipe(DraftModel(draft, (2, 2, 1), "top-k"), pace=NeverSlower()), requests, curve=CostCurve.flat(1.0, 0.3))
        assert all(len(request.generated) == 40 for request in requests)


def test_a_draft_with_a_shorter_context_stops_drafting():
    request = Request([1, 2], 60, GREEDY, SampledDraws(0))
    run(target(), DraftModel(TinyModel(SIZE, seed=1, max_length=20), (1, 1, 1)), [request])
    lengths, written = [], 2
    for step in request.trace.decode_steps:
        lengths.append((written, len(step.drafted)))
        written += len(step.tokens)
    assert all(drafted == 0 for text, drafted in lengths if text > 17)
    assert any(drafted == 3 for _, drafted in lengths)
    assert len(request.generated) == 60


def test_the_price_of_a_draft_follows_its_curve_and_no_clock():
    draft = TinyModel(SIZE)
    use_curve(draft, CostCurve.flat(1.0, 0.5))
    drafter = DraftModel(draft, (2, 3, 1))
    memory = drafter.remember(target())
    assert [drafter.draft_cost(memory, depth) for depth in range(5)] == [0, 1.0, 1.0 + 1.5, 2.5 + 3.5, 6.0]
    for beam in (StochasticBeam(draft, 3, 3), Beam(draft, 3, 3)):
        assert [beam.draft_cost(memory, depth) for depth in range(5)] == [0, 1.0, 1.0 + 2.0, 3.0 + 2.0, 5.0]


def text(words: list[str]) -> Text:
    return Text(Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, unk_token=words[0])))


@pytest.mark.parametrize("drafter", [DraftModel, StochasticBeam, Beam])
def test_another_vocabulary_is_refused_naming_the_first_difference(drafter):
    model, draft = TinyModel(4), TinyModel(4)
    model.tokenizer, draft.tokenizer = text(["a", "b", "c", "d"]), text(["a", "b", "x", "d"])
    with pytest.raises(ValueError, match="token 2 is 'c' in the first vocabulary and 'x' in the second"):
        Session(model, Recipe(drafter(draft)), CostCurve.flat())
    with pytest.raises(ValueError, match="its logits are 5 wide, the target's 4"):
        Session(TinyModel(4), Recipe(drafter(TinyModel(5))), CostCurve.flat())


@pytest.mark.parametrize(
    ("options", "message"),
    [({"branching": ()}, r"branching=\(\)"), ({"branching": (1, 0)}, r"branching=\(1, 0\)"), ({"siblings": "many"}, "siblings='many'")],
)
def test_wrong_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        DraftModel(TinyModel(), **options)


@pytest.mark.parametrize("drafter", [StochasticBeam, Beam])
@pytest.mark.parametrize("options", [{"width": 0}, {"length": 0}, {"width": 2.5}, {"length": -1}], ids=str)
def test_wrong_beams_are_refused(drafter, options):
    ((name, value),) = options.items()
    with pytest.raises(ValueError, match=f"{drafter.__name__}: {name}={value!r} must be at least 1"):
        drafter(TinyModel(), **options)


@pytest.mark.parametrize("drafter", [DraftModel, StochasticBeam, Beam])
def test_broken_draft_logits_are_named(drafter):
    class Broken(TinyModel):
        def _forward(self, feeds, hidden, start, stop):
            rows = super()._forward(feeds, hidden, start, stop)
            for each in rows:
                each.logits.fill_(torch.nan)
            return rows

    with pytest.raises(ValueError, match="weights or the chosen dtype are broken"):
        run(target(), drafter(Broken(SIZE)), [Request([1], 9, Sampler(), SampledDraws(0))])
