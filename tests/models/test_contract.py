"""What every `Model` and every `Cache` promises, checked on every implementation."""

from __future__ import annotations

import gc
import importlib
import pkgutil

import pytest
import torch

import foretell.models
from foretell.models.base import POST_NORM, Cache, ContextOverflowError, Feed, Model
from foretell.models.fitted import FittedModel
from foretell.models.native import NativeModel
from foretell.models.switching import SwitchingCache, SwitchingModel
from tests.models.zoo import MODELS, build

PROMPT = [3, 14, 15, 9, 26, 5, 35]
TREE = ([8, 2, 8, 40, 7, 7, 1], [-1, -1, 0, 0, 1, 2, 5])

#: What wraps a model and does not do all that models do; tests of their own: test_fitted.py, test_switching.py.
WRAPPERS = {FittedModel, SwitchingModel, SwitchingCache}


@pytest.fixture(params=MODELS)
def model(request) -> Model:
    return build(request.param)


def close(model: Model, a: torch.Tensor, b: torch.Tensor) -> bool:
    atol = 1e-4 if model.tolerance < 1e-2 else 0.1
    return a.shape == b.shape and torch.allclose(a.float(), b.float(), atol=atol, rtol=0)


def start(model: Model, prompt: list[int] = PROMPT) -> Cache:
    cache = model.new_cache()
    model.forward([Feed(cache, prompt)])
    cache.keep(range(len(prompt)))
    return cache


def chain(model: Model, tokens: list[int]) -> torch.Tensor:
    return model.forward([Feed(model.new_cache(), tokens)])[0].logits


def paths(parents: list[int]) -> list[list[int]]:
    found: list[list[int]] = []
    for row, parent in enumerate(parents):
        found.append([*(found[parent] if parent >= 0 else []), row])
    return found


def test_every_implementation_is_in_the_zoo():
    for module in pkgutil.walk_packages(foretell.models.__path__, "foretell.models."):
        importlib.import_module(module.name)

    def leaves(kind: type) -> set[type]:
        below = [leaf for child in kind.__subclasses__() for leaf in leaves(child)]
        return set(below) or {kind}

    tested = {type(build(name)) for name in MODELS if not name.startswith("cpu")}
    ours = {kind for kind in leaves(Model) if kind.__module__.startswith("foretell.models")}
    assert ours - WRAPPERS <= tested
    caches = {kind for kind in leaves(Cache) if kind.__module__.startswith("foretell.models")}
    assert caches - WRAPPERS <= {type(build(name).new_cache()) for name in MODELS if not name.startswith("cpu")}


def test_a_chain_is_the_same_fed_whole_or_row_by_row(model):
    whole = chain(model, PROMPT)
    assert whole.dtype == torch.float32
    assert whole.shape == (len(PROMPT), model.vocab_size)
    kept, pending = model.new_cache(), model.new_cache()
    for i, token in enumerate(PROMPT):
        row = model.forward([Feed(kept, [token])])[0].logits
        kept.keep([0])
        assert close(model, row[0], whole[i])
        assert close(model, model.forward([Feed(pending, [token])])[0].logits[0], whole[i])
    assert kept.length == len(PROMPT)
    assert len(pending.pending) == len(PROMPT)


def test_tree_rows_are_the_rows_of_their_paths(model):
    tokens, parents = TREE
    rows = model.forward([Feed(start(model), tokens, parents)])[0].logits
    for row, path in enumerate(paths(parents)):
        expected = chain(model, PROMPT + [tokens[i] for i in path])
        assert close(model, rows[row], expected[-1]), f"row {row}"


def test_a_tree_may_be_fed_in_pieces(model):
    tokens, parents = TREE
    cache = start(model)
    whole = model.forward([Feed(start(model), tokens, parents)])[0].logits
    pieces = [model.forward([Feed(cache, tokens[a:b], parents[a:b])])[0].logits for a, b in ((0, 2), (2, 3), (3, 7))]
    assert close(model, torch.cat(pieces), whole)


@pytest.mark.parametrize("path", [*paths(TREE[1]), []], ids=str)
def test_keep_commits_the_path_and_nothing_else(model, path):
    tokens, parents = TREE
    cache = start(model)
    model.forward([Feed(cache, tokens, parents)])
    cache.keep(path)
    text = PROMPT + [tokens[i] for i in path]
    assert cache.length == len(text)
    assert cache.pending == []
    rows = model.forward([Feed(cache, [11, 12], [-1, -1])])[0].logits
    assert close(model, rows[0], chain(model, [*text, 11])[-1])
    assert close(model, rows[1], chain(model, [*text, 12])[-1])


@pytest.mark.parametrize("length", [0, 1, 5, len(PROMPT)])
def test_truncate_forgets_the_rest(model, length):
    cache = start(model)
    model.forward([Feed(cache, [1, 2], [-1, -1])])
    cache.truncate(length)
    assert cache.length == length
    assert cache.pending == []
    rows = model.forward([Feed(cache, [9, 10, 11])])[0].logits
    assert close(model, rows, chain(model, [*PROMPT[:length], 9, 10, 11])[length:])


def test_forks_are_independent(model):
    trunk = start(model)
    model.forward([Feed(trunk, [1])])
    twin = trunk.fork()
    assert twin.length == trunk.length
    assert twin.pending == []
    trunk.keep([0])
    model.forward([Feed(twin, [2, 3])])
    twin.keep([0, 1])
    trunk.truncate(3)
    model.forward([Feed(trunk, [4])])
    trunk.keep([0])
    a, b = (model.forward([Feed(cache, [5])])[0].logits[0] for cache in (trunk, twin))
    assert close(model, a, chain(model, [*PROMPT[:3], 4, 5])[-1])
    assert close(model, b, chain(model, [*PROMPT, 2, 3, 5])[-1])


def test_a_ragged_batch_is_its_sequences_alone(model):
    tokens, parents = TREE

    def feeds():
        return [Feed(start(model), tokens, parents), Feed(model.new_cache(), PROMPT[:3], num_logits=1),
                Feed(start(model, [1, 2]), [7]), Feed(start(model), [4, 4], num_logits=0)]  # fmt: skip

    together, alone = model.forward(feeds(), hidden=[POST_NORM]), [model.forward([feed], hidden=[POST_NORM])[0] for feed in feeds()]
    assert [len(rows.logits) for rows in together] == [7, 1, 1, 0]
    for a, b in zip(together, alone, strict=True):
        assert close(model, a.logits, b.logits)
        assert close(model, a.hidden[POST_NORM], b.hidden[POST_NORM])


def test_an_early_exit_can_be_resumed(model):
    tokens, parents = TREE
    full = model.forward([Feed(start(model), tokens, parents)], hidden=[0, 1, 2, 3, POST_NORM])[0]
    cache = start(model)
    early = model.forward([Feed(cache, tokens, parents)], hidden=[0, 1], stop=1)[0]
    assert close(model, early.hidden[0], full.hidden[0])
    assert close(model, early.hidden[1], full.hidden[1])
    some = [0, 2, 5]
    late = model.forward([Feed(cache, embeddings=early.hidden[1][some], rows=some)], hidden=[1, 2, 3, POST_NORM], start=1)[0]
    assert close(model, late.logits, full.logits[some])
    assert all(close(model, late.hidden[key], full.hidden[key][some]) for key in (1, 2, 3, POST_NORM))
    cache.keep(some)
    path = [tokens[i] for i in some]
    assert close(model, model.forward([Feed(cache, [6])])[0].logits, chain(model, [*PROMPT, *path, 6])[-1:])


def test_an_early_exit_at_the_end_is_the_full_forward(model):
    rows = model.forward([Feed(start(model), [1, 2])], stop=model.num_layers, hidden=[POST_NORM])[0]
    assert close(model, rows.logits, model.forward([Feed(start(model), [1, 2])])[0].logits)
    assert rows.hidden[POST_NORM].shape == (2, model.width)


def test_embeddings_stand_for_tokens(model):
    cache = start(model)
    expected = model.forward([Feed(cache, [7, 8, 9], [-1, 0, 0])], hidden=[0])[0]
    cache.keep([])
    rows = model.forward([Feed(cache, embeddings=expected.hidden[0], parents=[-1, 0, 0], num_logits=2)])[0]
    assert close(model, rows.logits, expected.logits[1:])
    cache.keep([0, 2])
    assert close(model, model.forward([Feed(cache, [1])])[0].logits[0], chain(model, [*PROMPT, 7, 9, 1])[-1])


def test_embed_gives_what_the_first_layer_reads(model):
    expected = model.forward([Feed(start(model), [7, 8, 7], [-1, -1, -1])], hidden=[0])[0].hidden[0]
    given = model.embed([7, 8, 7], position=len(PROMPT))
    assert given.shape == (3, model.width)
    assert torch.equal(given[0], given[2])
    assert close(model, given, expected)
    assert model.embed([]).shape == (0, model.width)


def test_embedded_tokens_are_the_tokens(model):
    rows = model.forward([Feed(start(model), embeddings=model.embed([7], position=len(PROMPT)))])[0]
    assert close(model, rows.logits, model.forward([Feed(start(model), [7])])[0].logits)
    with pytest.raises(ValueError, match="embed: token=50"):
        model.embed([50])
    with pytest.raises(ContextOverflowError, match="position=-1"):
        model.embed([1], position=-1)


def test_an_empty_feed_has_no_rows(model):
    rows = model.forward([Feed(start(model), []), Feed(start(model), [1])])
    assert rows[0].logits.shape == (0, model.vocab_size)
    assert rows[1].logits.shape == (1, model.vocab_size)


def test_long_texts_outgrow_the_first_store(model):
    prompt = [i % 50 for i in range(200)]
    cache = start(model, prompt)
    assert close(model, model.forward([Feed(cache, [1])])[0].logits[0], chain(model, [*prompt, 1])[-1])


def test_wrong_use_is_refused(model):
    cache = start(model)
    with pytest.raises(ValueError, match="token=50"):
        model.forward([Feed(cache, [50])])
    with pytest.raises(ValueError, match="start=2, stop=1"):
        model.forward([Feed(cache, [1])], start=2, stop=1)
    with pytest.raises(ValueError, match="rows"):
        model.forward([Feed(cache, [1])], start=1)
    with pytest.raises(ValueError, match="hidden='norm'"):
        model.forward([Feed(cache, [1])], hidden=["norm"])
    with pytest.raises(ValueError, match="not a root path"):
        cache.keep([0])
    with pytest.raises(ValueError, match="length=8"):
        cache.truncate(8)
    with pytest.raises(ContextOverflowError, match="shorten"):
        model.forward([Feed(model.new_cache(), [1] * (model.max_length + 1))])
    stranger = build("torch-llama" if model is not build("torch-llama") else "torch-qwen3").new_cache()
    with pytest.raises(ValueError, match="was not made by this model's new_cache"):
        model.forward([Feed(stranger, [1])])
    assert cache.pending == stranger.pending == []
    assert cache.length == len(PROMPT)


def test_a_batch_that_fails_leaves_no_rows_behind(model):
    good, bad = start(model), start(model)
    with pytest.raises(ValueError, match="token=-1"):
        model.forward([Feed(good, [1, 2]), Feed(bad, [3, -1])])
    with pytest.raises(ValueError, match="parent=5"):
        model.forward([Feed(good, [1, 2]), Feed(bad, [3, 4], [-1, 5])])
    with pytest.raises(ValueError, match="share a cache"):
        model.forward([Feed(good, [1]), Feed(good, [2])])
    assert good.pending == bad.pending == []
    rows = model.forward([Feed(good, [8, 9])])[0].logits
    good.keep([0])
    assert close(model, rows, chain(model, [*PROMPT, 8, 9])[-2:])
    assert close(model, model.forward([Feed(good, [7])])[0].logits, chain(model, [*PROMPT, 8, 7])[-1:])


@pytest.mark.parametrize("name", [name for name in MODELS if name.startswith(("torch", "cpu"))])
def test_slots_do_not_leak(name):
    model = build(name)
    assert isinstance(model, NativeModel)
    gc.collect()
    before = model.store.num_used
    cache = start(model)
    model.forward([Feed(cache, *TREE)])
    cache.keep([0, 2])
    twin = cache.fork()
    model.forward([Feed(twin, [1, 2])])
    cache.truncate(2)
    assert model.store.num_used == before + len(PROMPT) + 2 + 2
    del cache
    gc.collect()
    assert model.store.num_used == before + len(PROMPT) + 2 + 2
    del twin
    gc.collect()
    assert model.store.num_used == before
