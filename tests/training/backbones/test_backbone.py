"""The backbone's rows are those of the models that decode, for every family; its gradients are transformers'; what it exports loads."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F

import foretell as ft
from foretell.errors import UserError
from foretell.models.adapter import TransformersModel
from foretell.models.base import POST_NORM, Attention, ContextOverflowError, Feed, Model
from foretell.training.backbones.backbone import Backbone
from tests.models.files import save_folder, save_gguf
from tests.models.zoo import config, cpu, native, transformers_model

FAMILIES = ["llama", "llama-plain", "mistral", "qwen2", "qwen3"]  # with rope scaling, biases, tied heads, windows, norms of heads
TEXTS = [[3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5], [8, 9, 7, 9], [*range(20)]]
KEYS = (0, 1, 2, 3, POST_NORM)


def backbone(family: str) -> Backbone:
    return Backbone(copy.deepcopy(transformers_model(family)))


def padded(side: str) -> tuple[torch.Tensor, torch.Tensor]:
    """TEXTS in one batch, and which of its rows are not padding."""
    tokens, mask = torch.zeros(3, 20, dtype=torch.long), torch.zeros(3, 20, dtype=torch.bool)
    for i, text in enumerate(TEXTS):
        place = slice(0, len(text)) if side == "right" else slice(20 - len(text), 20)
        tokens[i, place], mask[i, place] = torch.tensor(text), True
    return tokens, mask


def assert_rows_equal(rows, mask: torch.Tensor, model: Model, stop: int | None = None) -> None:
    keys = list(rows.hidden)
    expected = model.forward([Feed(model.new_cache(), text) for text in TEXTS], hidden=keys, stop=stop)
    for i, each in enumerate(expected):
        torch.testing.assert_close(rows.logits[i][mask[i]], each.logits, atol=1e-4, rtol=0)
        for key in keys:
            torch.testing.assert_close(rows.hidden[key][i][mask[i]], each.hidden[key], atol=1e-4, rtol=0)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("side", ["right", "left"])
def test_rows_are_those_of_the_native_models(family, side):
    tokens, mask = padded(side)
    rows = backbone(family)(tokens, mask=mask, hidden=KEYS)
    assert_rows_equal(rows, mask, native(family))
    assert_rows_equal(rows, mask, cpu(family, "fp32"))


@pytest.mark.parametrize("family", FAMILIES)
def test_an_early_exit_is_the_native_one(family):
    tokens, mask = padded("right")
    assert_rows_equal(backbone(family)(tokens, mask=mask, hidden=(1, 2), stop=2), mask, native(family), stop=2)


@pytest.mark.parametrize("family", FAMILIES)
def test_gradients_are_those_of_transformers(family):
    """Of the mean cross-entropy, for every weight, against the library's own forward and loss."""
    tokens, ours, theirs = torch.tensor([TEXTS[2]]), backbone(family), copy.deepcopy(transformers_model(family))
    F.cross_entropy(ours(tokens).logits[0, :-1], tokens[0, 1:]).backward()
    theirs(tokens, labels=tokens).loss.backward()
    expected = dict(theirs.named_parameters())
    assert {name for name, _ in ours.named_parameters()} == set(expected)
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(parameter.grad, expected[name].grad, atol=1e-5, rtol=1e-3)


def test_embeddings_in_place_of_tokens_have_gradients_too():
    network, tokens = backbone("qwen3").freeze(), torch.tensor([TEXTS[0]])
    embeddings = network.embed(tokens).requires_grad_()
    rows = network(embeddings=embeddings)
    torch.testing.assert_close(rows.logits, network(tokens).logits)
    rows.logits[0, -1].sum().backward()
    assert (embeddings.grad[0].abs().sum(1) > 0).all()
    assert all(parameter.grad is None for parameter in network.parameters())


@pytest.mark.parametrize(("attention", "num_prefix"), [(Attention.FULL, None), (Attention.PREFIX, 3)])
@pytest.mark.parametrize("family", FAMILIES)
def test_other_kinds_of_attention_are_those_of_the_models(family, attention, num_prefix):
    """Of the native models too, where no layer has a window, which they refuse to see beyond."""
    tokens, mask = padded("left")
    prefix = None if num_prefix is None else [num_prefix] * 3
    rows = backbone(family)(tokens, mask=mask, hidden=KEYS, attention=attention.value, num_prefix=prefix)
    models = [TransformersModel(copy.deepcopy(transformers_model(family)))]
    models += [native(family), cpu(family, "fp32")] if attention in native(family).attentions else []
    for model in models:
        for i, text in enumerate(TEXTS):
            feed = Feed(None, text, attention=attention, num_prefix=num_prefix)
            expected = model.forward([feed], hidden=KEYS)[0]
            torch.testing.assert_close(rows.logits[i][mask[i]], expected.logits, atol=1e-4, rtol=0)
            for key in KEYS:
                torch.testing.assert_close(rows.hidden[key][i][mask[i]], expected.hidden[key], atol=1e-4, rtol=0)


@pytest.mark.parametrize("family", ["llama", "mistral"])
def test_positions_of_the_callers_own_are_those_of_the_models(family):
    """A window counts rows and not positions."""
    text, places = TEXTS[0], [0, 2, 4, 6, 8, 10, 20, 21, 30, 31, 32]
    model = native(family)
    expected = model.forward([Feed(None, text, positions=places)])[0].logits
    found = backbone(family)(torch.tensor([text]), positions=torch.tensor([places])).logits[0]
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_a_mask_of_pairs_and_positions_lay_out_a_tree():
    """Two continuations of one text in one pass are each as if they stood alone."""
    network, text, first, second = backbone("mistral"), TEXTS[2][:8], [21, 22], [31, 32]
    allowed = torch.ones(12, 12, dtype=torch.bool).tril()
    allowed[10:, 8:10] = False
    positions = torch.tensor([[*range(8), 8, 9, 8, 9]])
    rows = network(torch.tensor([[*text, *first, *second]]), mask=allowed[None], positions=positions).logits[0]
    torch.testing.assert_close(rows[:10], network(torch.tensor([[*text, *first]])).logits[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(rows[10:], network(torch.tensor([[*text, *second]])).logits[0, 8:], atol=1e-5, rtol=0)


def test_norm_and_head_give_the_logits_again():
    network, tokens = backbone("llama"), torch.tensor([TEXTS[0]])
    rows = network(tokens, hidden=(3, POST_NORM))
    torch.testing.assert_close(network.norm(rows.hidden[3]), rows.hidden[POST_NORM])
    torch.testing.assert_close(network.head(rows.hidden[POST_NORM]), rows.logits)
    some = torch.tensor([7, 3])
    torch.testing.assert_close(network.head(rows.hidden[POST_NORM], some), rows.logits[..., some])
    bare = network(tokens, hidden=(2,), stop=2, logits=False)
    assert bare.logits is None
    assert list(bare.hidden) == [2]


def test_half_precision_keeps_the_positions_exact():
    """Cosines of position 200 from a frequency in bfloat16 would be those of another angle."""
    network = backbone("llama").to(torch.bfloat16)
    assert network.dtype == torch.bfloat16
    tokens = torch.randint(0, 50, (1, 200), generator=torch.Generator().manual_seed(0))
    expected = native("llama", torch.bfloat16)
    rows = network(tokens).logits[0]
    reference = expected.forward([Feed(expected.new_cache(), tokens[0].tolist())])[0].logits
    assert rows.dtype == torch.float32
    assert (rows - reference).abs().max() < expected.tolerance


def test_parts_are_frozen_and_thawed():
    network = backbone("llama").freeze().unfreeze("norm", 3)
    trained = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert trained == {"model.norm.weight"} | {name for name, _ in network.named_parameters() if ".layers.2." in name}
    assert all(parameter.requires_grad for parameter in network.unfreeze().parameters())
    assert not backbone("llama-plain").freeze("head").model.embed_tokens.weight.requires_grad  # one table
    with pytest.raises(UserError, match="part='body' must be one of embedding, layers, norm, head, or a layer from 1 to 3"):
        network.freeze("body")


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_exported_loads_and_has_equal_rows(family, tmp_path, cache):
    """After a step of training, so that the file it came from no longer says its weights."""
    network = Backbone.from_checkpoint(save_folder(tmp_path / "start", family))
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    tokens, mask = padded("right")
    F.cross_entropy(network(tokens, mask=mask).logits[mask], tokens[mask]).backward()
    optimiser.step()
    model = ft.load(network.export(tmp_path / "trained"), dtype="fp32")
    rows = network(tokens, mask=mask, hidden=KEYS)
    assert_rows_equal(rows, mask, model)
    start = ft.load(tmp_path / "start", dtype="fp32")
    assert not torch.allclose(
        model.forward([Feed(model.new_cache(), [1])])[0].logits, start.forward([Feed(start.new_cache(), [1])])[0].logits
    )
    assert model.tokenizer.encode("hello <s>") == start.tokenizer.encode("hello <s>")
    assert model.tokenizer.stop_tokens == start.tokenizer.stop_tokens
    assert model.tokenizer.chat_template == start.tokenizer.chat_template
    again = ft.load(tmp_path / "trained", dtype="fp32", backend="transformers")
    assert_rows_equal(rows, mask, again)
    assert_rows_equal(network(tokens, mask=mask), mask, ft.load(network.export(tmp_path / "start"), dtype="fp32"))  # written over


@pytest.mark.parametrize("family", FAMILIES)
def test_quantised_weights_are_expanded(family, tmp_path, cache):
    save_gguf(tmp_path / "model.gguf", family, ("Q8_0",))
    model = ft.load(tmp_path / "model.gguf", dtype="fp32")
    network = Backbone.from_model(model)
    tokens, mask = padded("right")
    assert_rows_equal(network(tokens, mask=mask, hidden=KEYS), mask, model)
    again = ft.load(network.export(tmp_path / "folder"), dtype="fp32")
    assert_rows_equal(network(tokens, mask=mask, hidden=KEYS), mask, again)
    assert again.tokenizer.encode("ab") == model.tokenizer.encode("ab")


def test_from_a_model_that_was_loaded(tmp_path, cache):
    folder = save_folder(tmp_path / "model", "llama")
    tokens, mask = padded("left")
    exact = ft.load(folder, dtype="fp32")
    for model in (ft.load(folder), ft.load(folder, backend="transformers")):
        network = Backbone.from_model(model)
        assert_rows_equal(network(tokens, mask=mask, hidden=KEYS), mask, exact)  # not the rounded weights of an int8 model
        assert all(parameter.requires_grad for parameter in network.parameters())
    with pytest.raises(UserError, match="model=NativeModel was not loaded from a file; name its folder"):
        Backbone.from_model(native("llama"))
    with pytest.raises(UserError, match="model_type='gpt2' is not one of"):
        Backbone.from_model(TransformersModel(transformers_model("gpt2")))


def test_random_weights_follow_from_the_seed():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one, same, other = (Backbone.from_config(config("qwen2"), seed) for seed in (1, 1, 2))
    assert torch.rand(1) == expected
    assert torch.equal(one.lm_head.weight, same.lm_head.weight)
    assert not torch.equal(one.lm_head.weight, other.lm_head.weight)


@pytest.mark.parametrize("family", ["llama", "llama-plain"])
def test_an_added_token_is_the_mean_and_is_suppressed(family, tmp_path, cache):
    network = backbone(family).freeze("embedding")
    before = network(torch.tensor([TEXTS[0]])).logits
    table, head = network.model.embed_tokens.weight.clone(), network.lm_head.weight.clone()
    assert network.add_token() == 50
    assert network.architecture.vocab_size == network.config.vocab_size == 51
    torch.testing.assert_close(network.model.embed_tokens.weight[50], table.mean(0))
    torch.testing.assert_close(network.lm_head.weight[50], head.mean(0))
    assert not network.model.embed_tokens.weight.requires_grad
    torch.testing.assert_close(network(torch.tensor([TEXTS[0]])).logits[..., :50], before)
    assert network.add_token() == 51
    model = ft.load(network.export(tmp_path / "more"), dtype="fp32")
    assert model.suppressed == (50, 51)
    logits = model.forward([Feed(model.new_cache(), [50])])[0].logits
    torch.testing.assert_close(logits[0, :50], network(torch.tensor([[50]])).logits[0, 0, :50], atol=1e-4, rtol=0)


def test_the_export_may_be_of_another_type(tmp_path, cache):
    network = backbone("qwen2")
    network.export(tmp_path / "half", torch.bfloat16)
    assert network.dtype == torch.float32
    tokens, mask = padded("right")
    assert_rows_equal(network.to(torch.bfloat16).float()(tokens, mask=mask, hidden=KEYS), mask, ft.load(tmp_path / "half", dtype="fp32"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "give tokens or embeddings, and not both"),
        ({"tokens": torch.tensor([1, 2])}, r"tokens of shape \(2,\) .* must be whole numbers of shape \(batch, length\)"),
        ({"tokens": torch.tensor([[1, 50]])}, "tokens from 1 to 50 must lie in the vocabulary, 0 to 49"),
        ({"embeddings": torch.zeros(1, 2, 31)}, r"embeddings of shape \(1, 2, 31\) must have the shape \(batch, length, 32\)"),
        ({"tokens": torch.tensor([[1]]), "mask": torch.ones(1, 2, dtype=torch.bool)}, r"mask of shape \(1, 2\) .* must be a boolean one"),
        ({"tokens": torch.tensor([[1]]), "mask": torch.ones(1, 1)}, "must be a boolean one"),
        ({"tokens": torch.tensor([[1]]), "attention": "casual"}, "attention='casual' is unknown, did you mean 'causal'"),
        ({"tokens": torch.tensor([[1]]), "attention": "prefix"}, "num_prefix=None must hold a number for each of 1 sequences"),
        ({"tokens": torch.tensor([[1]]), "num_prefix": [1]}, r"num_prefix=\[1\] must hold a number"),
        ({"tokens": torch.tensor([[1]]), "attention": "full", "mask": torch.ones(1, 1, 1, dtype=torch.bool)}, "a mask of three dimensions"),
        ({"tokens": torch.tensor([[1]]), "positions": torch.tensor([0])}, r"positions of shape \(1,\) must have the shape \(1, 1\)"),
        ({"tokens": torch.tensor([[1]]), "hidden": (4,)}, "hidden=4 must be 'post_norm' or a layer from 0 to 3"),
        ({"tokens": torch.tensor([[1]]), "hidden": (2,), "stop": 1}, "hidden=2 must be 'post_norm' or a layer from 0 to 1"),
        ({"tokens": torch.tensor([[1]]), "stop": 4}, "stop=4 must be a number of layers, 0 to 3"),
        ({"tokens": torch.tensor([[1]]), "layer_dropout": (0.5,)}, "must hold a probability for each of the 3 layers"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(UserError, match=message):
        backbone("llama")(**arguments)


def test_positions_beyond_the_network_are_refused():
    with pytest.raises(ContextOverflowError, match="position 256 lies beyond the 256 positions"):
        backbone("llama")(torch.zeros(1, 257, dtype=torch.long))
