"""A group of models is a `Model`: its rows are a function of the text, whoever read what before."""

from __future__ import annotations

import dataclasses
import random
from itertools import pairwise

import pytest
import torch

from foretell.catalog.part_text import describe
from foretell.decoding.drafters.draft_model import DraftModel
from foretell.decoding.drafters.plain import Plain
from foretell.decoding.drafters.prompt_lookup import PromptLookup
from foretell.decoding.drafters.token_recycling import TokenRecycling
from foretell.decoding.draws import SampledDraws
from foretell.decoding.groups.model_group import ModelGroup, load_group
from foretell.decoding.paces.fixed import Fixed
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.routers.always import Always
from foretell.decoding.routers.entropy_adaptive import EntropyAdaptive
from foretell.decoding.routers.random_blocks import RandomBlocks
from foretell.decoding.routers.token_entropy import TokenEntropy
from foretell.decoding.sampler import Sampler
from foretell.errors import UserError
from foretell.models.base import Context, Feed, Model
from foretell.models.tiny import TinyModel
from foretell.testing.combinations import examples
from foretell.testing.laws import LawCase, check_law
from foretell.testing.model_contracts import check_model
from tests.decoding.helpers import GREEDY, greedy_text, run
from tests.models import test_contract as contract
from tests.models.zoo import build

ROUTERS = examples("router")
#: Changes over often in texts of the contract test's random models, whose rows have 5.3 to 5.5 bits.
RESTLESS = EntropyAdaptive(5.45, window=2, min_duration=1)


def tiny_group(router, vocab_size: int = 3) -> ModelGroup:
    """Two models of no parameters that disagree."""
    return ModelGroup([TinyModel(vocab_size, order=2, seed=4), TinyModel(vocab_size, order=3, seed=5)], router)


def native_group(kind: str) -> ModelGroup:
    """Two transformers of different families, or two tiny models."""
    if kind == "tiny":
        return ModelGroup([build("tiny"), TinyModel(vocab_size=50, num_layers=3, seed=1)], RESTLESS.replace(threshold=4.2))
    names = {
        "torch": ("torch-llama", "torch-qwen2"),
        "int8": ("cpu-llama-int8", "cpu-qwen3-int8"),
        "fp32": ("cpu-llama-fp32", "cpu-qwen2-fp32"),
    }
    return ModelGroup([build(name) for name in names[kind]], RESTLESS, force=True)


def speakers(group: Model, text: list[int], prompt_length: int = 0) -> list[int]:
    cache = group.new_cache(Context(prompt_length))
    return list(group.forward([Feed(cache, text)])[0].speakers)


CHECKS = [
    contract.test_a_chain_is_the_same_fed_whole_or_row_by_row,
    contract.test_tree_rows_are_the_rows_of_their_paths,
    contract.test_a_tree_may_be_fed_in_pieces,
    contract.test_forks_are_independent,
    contract.test_an_empty_feed_has_no_rows,
    contract.test_a_batch_that_fails_leaves_no_rows_behind,
    contract.test_long_texts_outgrow_the_first_store,
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", ["torch", "int8", "fp32", "tiny"])
def test_a_group_keeps_the_contract_of_models(kind, check):
    check(native_group(kind))


@pytest.mark.parametrize("kind", ["torch", "int8", "fp32", "tiny"])
def test_a_group_passes_the_public_checks(kind):
    check_model(native_group(kind))


@pytest.mark.parametrize("router", ROUTERS, ids=describe)
def test_every_router_keeps_the_contract_of_models(router):
    group = tiny_group(router, vocab_size=50)
    check_model(group)
    for check in CHECKS[:4]:
        check(group)
    for length in (0, 1, 5, len(contract.PROMPT)):
        contract.test_truncate_forgets_the_rest(group, length)
    for path in (*contract.paths(contract.TREE[1]), []):
        contract.test_keep_commits_the_path_and_nothing_else(group, path)


def test_the_turn_changes_in_these_tests():
    """Else they would prove nothing."""
    for kind in ("torch", "int8", "fp32", "tiny"):
        said = speakers(native_group(kind), [i % 50 for i in range(60)])
        assert sum(a != b for a, b in pairwise(said)) >= 4, kind


@pytest.mark.parametrize("kind", ["torch", "int8", "fp32"])
def test_catching_up_changes_no_logits(kind):
    """Random feeds, trees, roll-backs and forks; every row against the speaker's own fresh pass over the text. The CPU engine's
    rows are the same to the bit."""
    group, choose = native_group(kind), random.Random(3)
    text: list[int] = []
    cache = group.new_cache()
    changes, last, checked, mixed = 0, None, 0, 0
    for _ in range(40):
        num = choose.randint(1, 6)
        tokens = [choose.randrange(50) for _ in range(num)]
        parents = [choose.randint(-1, i - 1) if choose.random() < 0.3 else i - 1 for i in range(num)]
        rows = group.forward([Feed(cache, tokens, parents)])[0]
        mixed += len(set(rows.speakers)) > 1
        path = contract.paths(parents)[choose.randrange(num)]
        for row, up in enumerate(contract.paths(parents)):
            whole = text + [tokens[i] for i in up]
            member = group.members[rows.speakers[row]]
            fresh = member.forward([Feed(member.new_cache(), whole, num_logits=1)])[0].logits[-1]
            assert (rows.logits[row] - fresh).abs().max() <= (1e-4 if kind == "torch" else 0), (kind, row)
            checked += 1
        for row in path:
            changes += last is not None and rows.speakers[row] != last
            last = rows.speakers[row]
        cache.keep(path)
        text += [tokens[i] for i in path]
        if choose.random() < 0.2 and text:
            cache.truncate(choose.randint(0, len(text)))
            text = text[: cache.length]
        if choose.random() < 0.2:
            cache = cache.fork()
    assert changes >= 8
    assert checked > 100
    assert mixed >= 5  # trees in which the turn changes


@pytest.mark.parametrize("router", ROUTERS, ids=describe)
@pytest.mark.parametrize("batch", [1, 3])
def test_drafting_is_exact_for_the_groups_own_law(router, batch):
    """By enumeration: trees in whose midst the turn changes are routed right along every path."""
    case = dataclasses.replace(LawCase.small(batch, 3 if batch == 1 else 2), model=tiny_group(router))
    for drafter in (Plain(), PromptLookup(num_tokens=3), TokenRecycling(k=2, template=((0,), (1,), (0, 0))), *DraftModel.examples()[1:3]):
        assert check_law(Recipe(drafter, pace=Fixed(4)), Sampler(), case).error < 1e-9


@pytest.mark.parametrize("drafter", [PromptLookup(num_tokens=6), TokenRecycling(), TokenRecycling(learn_prompt=True)], ids=describe)
def test_text_does_not_depend_on_the_drafter_or_the_batch(drafter):
    """Nor on the pieces that a long prompt is read in, nor on a drafter that wants the prompt's rows. Sampled, since greedy
    texts of tiny models soon go round in circles."""
    group = tiny_group(EntropyAdaptive(1.25, window=3, min_duration=2))
    prompts = [[0, 1, 2, 0, 1, 0] * 60, [1, 1, 0, 1], [2, 0]]
    plain = [run(group, Plain(), [Request(prompt, 40, Sampler(), SampledDraws(1))])[0] for prompt in prompts]
    drafted = run(group, drafter, [Request(prompt, 40, Sampler(), SampledDraws(1)) for prompt in prompts])
    for one, other in zip(plain, drafted, strict=True):
        assert one.generated == other.generated
        assert one.trace.speakers == other.trace.speakers
        assert len(one.trace.speakers) == 40
        assert one.trace.switches >= 3
    assert sum(len(step.accepted) for request in drafted for step in request.trace.steps) > 0


def test_the_ends_of_the_threshold_are_the_members():
    inf = float("inf")
    prompt = [0, 1, 2, 0]
    for router, member in ((EntropyAdaptive(inf), 0), (EntropyAdaptive(-inf, start="large"), 1), (TokenEntropy(inf), 0), (Always(0), 0),
                           (Always(1), 1)):  # fmt: skip
        group = tiny_group(router)
        request = run(group, Plain(), [Request(prompt, 50, GREEDY, SampledDraws(0))])[0]
        assert request.generated == greedy_text(group.members[member], prompt, 50)
        assert set(request.trace.speakers) == {member}
        assert request.trace.switches == 0
        assert request.trace.work[1 - member] == 0  # the other one never computes


def test_the_law_is_seen_by_the_trace():
    for router, distribution in ((EntropyAdaptive(1.0), "lossy"), (RandomBlocks(0.5), "lossy"), (Always(1), "exact")):
        group = tiny_group(router)
        request = run(group, Plain(), [Request([0, 1], 3, GREEDY, SampledDraws(0))])[0]
        assert request.trace.guarantee == group.guarantee.kind == distribution
    assert run(TinyModel(3), Plain(), [Request([0, 1], 3, GREEDY, SampledDraws(0))])[0].trace.guarantee == "exact"


def test_work_counts_catching_up():
    group = tiny_group(EntropyAdaptive(0.9, window=1, min_duration=3))
    request = run(group, Plain(), [Request([0] * 300, 30, GREEDY, SampledDraws(0))])[0]
    said, work = request.trace.speakers, request.trace.work
    assert set(said) == {0, 1}
    assert 300 < work[1] <= 330  # whoever speaks has read everything before, once
    assert 300 < work[0] <= 330
    assert work[1] - 300 >= said.count(1)


@pytest.mark.parametrize(
    ("members", "router", "message"),
    [
        ([TinyModel(3), TinyModel(4)], Always(), "member 0: its logits are 3 wide, the target's 4"),
        ([TinyModel(3)], EntropyAdaptive(1.0), "routes between 2 members, but the group has 1"),
        ([], Always(), "at least one model"),
        ([TinyModel(3), TinyModel(3)], Always(2), "member=2 is not one of the group's 2"),
        ([TinyModel(3), TinyModel(3)], 7, "router=7 is not a router"),
        ([TinyModel(3), TinyModel(3)], "entropy-adaptiv(1.0)", "did you mean 'entropy-adaptive'"),
    ],
)
def test_misfits_are_refused(members, router, message):
    with pytest.raises(ValueError, match=message):
        ModelGroup(members, router)


def test_the_smallest_comes_first_unless_forced():
    small, large = build("tiny"), build("torch-llama")
    assert large.num_parameters > 0
    with pytest.raises(ValueError, match=r"put the smallest first, or pass force=True"):
        load_group([large, small], "always(1)")
    assert load_group([large, small], "always(1)", force=True).num_parameters == large.num_parameters


def test_what_one_model_has_and_a_group_has_not_is_refused():
    group = tiny_group(Always())
    for feed, options in ((Feed(group.new_cache(), [1]), {"hidden": [0]}), (Feed(group.new_cache(), embeddings=torch.zeros(1, 4)), {})):
        with pytest.raises(ValueError, match="hidden states, embeddings and early exits belong to one model"):
            group.forward([feed], **options)
    for call in (group.norm, group.head):
        with pytest.raises(UserError, match=f"ModelGroup has no .*{call.__name__} of its own"):
            call(torch.zeros(1, group.width))
    with pytest.raises(UserError, match="was not made by this model's new_cache"):
        group.forward([Feed(TinyModel(3).new_cache(), [1])])


def test_tokenizers_are_compared_whole():
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    from foretell.models.text import Text

    def member(words: str, **options) -> TinyModel:
        model = TinyModel(3)
        model.tokenizer = Text(Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, unk_token="a")), **options)
        return model

    for other, message in (
        (member("acb"), "token 1 is 'b' in the first vocabulary and 'c' in the second"),
        (member("abc", stop_tokens=frozenset({2})), "its stop_tokens differs"),
        (member("abc", chat_template="{{ messages }}"), "its chat_template differs"),
    ):
        with pytest.raises(ValueError, match=message):
            ModelGroup([other, member("abc")], Always())
    assert ModelGroup([member("abc"), member("abc")], Always()).tokenizer is not None
