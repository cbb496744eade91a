"""The compiled CPU forward against transformers, and its promise: a row's bits depend on its text alone."""

from __future__ import annotations

import copy
import os
import subprocess
import sys

import pytest
import torch

pytest.importorskip("numba")
transformers = pytest.importorskip("transformers")

from foretell.models.architecture import Architecture  # noqa: E402
from foretell.models.base import POST_NORM, Feed  # noqa: E402
from foretell.models.engines.cpu import CpuEngine  # noqa: E402
from foretell.models.engines.lanes import HAS_VNNI, IS_X86, ISA  # noqa: E402
from foretell.models.engines.packing import pack  # noqa: E402
from foretell.models.native import NativeModel  # noqa: E402

VOCAB = 37
_SIZES: dict = {
    "vocab_size": VOCAB, "hidden_size": 40, "intermediate_size": 50, "num_hidden_layers": 3, "num_attention_heads": 3,
    "num_key_value_heads": 1, "max_position_embeddings": 128, "attn_implementation": "eager", "initializer_range": 0.15,
}  # fmt: skip
FAMILIES: dict[str, tuple[str, dict]] = {
    "llama": ("Llama", {"hidden_size": 42, "attention_bias": True, "mlp_bias": True}),
    "llama3": (
        "Llama",
        {
            "hidden_size": 192, "num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 64, "tie_word_embeddings": True,
            "rope_parameters": {
                "rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                "original_max_position_embeddings": 64,
            },
        },
    ),
    "mistral": ("Mistral", {"head_dim": 64, "sliding_window": 7}),
    "qwen2": ("Qwen2", {"hidden_size": 48, "tie_word_embeddings": True}),
    "qwen3": ("Qwen3", {"head_dim": 128}),
}  # fmt: skip


@pytest.fixture(scope="module", params=FAMILIES)
def reference(request):
    """A transformers model of each family with random weights, norms and biases."""
    name, changes = FAMILIES[request.param]
    config = getattr(transformers, f"{name}Config")(**{**_SIZES, **changes})
    torch.manual_seed(1)
    model = getattr(transformers, f"{name}ForCausalLM")(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(0.3 * torch.randn_like(parameter))
    return model


@pytest.fixture(scope="module")
def text():
    return torch.randint(0, VOCAB, (37,), generator=torch.Generator().manual_seed(2)).tolist()


def native(reference, dtype, num_threads=2):
    architecture = Architecture.from_config(reference.config)
    packed = pack(architecture, reference.state_dict(), dtype)
    return NativeModel(CpuEngine(architecture, packed, dtype, num_threads), "test")


def prefill(model, text, **settings):
    cache = model.new_cache()
    (rows,) = model.forward([Feed(cache, text)], **settings)
    return cache, rows


def run_reference(reference, text):
    with torch.no_grad():
        return reference(torch.tensor([text]), output_hidden_states=True)


def test_fp32_agrees_with_transformers(reference, text):
    expected = run_reference(reference, text)
    _, rows = prefill(native(reference, "fp32"), text, hidden=(0, 1, 2, 3, POST_NORM))
    torch.testing.assert_close(rows.logits, expected.logits[0], atol=1e-4, rtol=1e-4)
    for layer in range(3):
        torch.testing.assert_close(rows.hidden[layer], expected.hidden_states[layer][0], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(rows.hidden[POST_NORM], expected.hidden_states[3][0], atol=1e-4, rtol=1e-4)


def round_weights(model):
    """The weights of linear layers as int8 holds them, one scale per output."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim == 2 and "embed" not in name:
                scale = weight.abs().amax(1, keepdim=True) / 127
                weight.copy_((weight / scale).round() * scale)
        if model.config.tie_word_embeddings:
            table = model.lm_head.weight.detach().clone()
            scale = table.abs().amax(1, keepdim=True) / 127
            model.lm_head.weight = torch.nn.Parameter((table / scale).round() * scale)


def round_inputs(module, args):
    """A linear layer's inputs as int8 holds them, one scale per row and 32 inputs."""
    (x,) = args
    groups = torch.nn.functional.pad(x, (0, -x.shape[-1] % 32)).unflatten(-1, (-1, 32))
    scale = groups.abs().amax(-1, keepdim=True) / 127
    rounded = (groups / torch.where(scale > 0, scale, 1.0)).round() * scale
    return (rounded.flatten(-2)[..., : x.shape[-1]],)


def test_int8_is_transformers_with_the_same_rounding(reference, text):
    rounded = copy.deepcopy(reference)
    round_weights(rounded)
    for module in rounded.modules():
        if isinstance(module, torch.nn.Linear):
            module.register_forward_pre_hook(round_inputs)
    expected = run_reference(rounded, text)
    model, rows = native(reference, "int8"), range(len(text))
    # Layer by layer from the reference's states: a value that another order of sums pushes over a rounding edge changes all after it.
    cache, last = model.new_cache(), model.num_layers
    for layer in range(1, last + 1):
        if layer == 1:
            (found,) = model.forward([Feed(cache, text)], hidden=(1,), stop=1)
        else:
            states = expected.hidden_states[layer - 1][0]
            (found,) = model.forward([Feed(cache, embeddings=states, rows=rows)], hidden=(layer,), start=layer - 1, stop=layer)
        got, right = (found.hidden[layer], expected.hidden_states[layer][0]) if layer < last else (found.logits, expected.logits[0])
        error = (got - right).norm(dim=1) / right.norm(dim=1)
        assert error.median() < 1e-5
        assert error.max() < 0.02  # such a value moves by 1/127 of its group's largest


#: Instruction sets that the kernels are shaped for, as a processor without the newer ones would have them.
_OLDER = {
    "generic": "+sse2",
    "avx2": "+avx,+avx2,+fma",
    "avx2 with VNNI": "+avx,+avx2,+fma,+avx512f,+avx512vl,+avx512vnni",
    "avx512 without VNNI": "+avx,+avx2,+fma,+avx512f,+avx512bw,+avx512dq,+avx512vl",
}
_RUN_TINY = """
import sys, torch, transformers
from foretell.models.architecture import Architecture
from foretell.models.base import Feed
from foretell.models.engines.cpu import CpuEngine
from foretell.models.engines.packing import pack
from foretell.models.native import NativeModel
torch.manual_seed(3)
config = transformers.Qwen2Config(vocab_size=37, hidden_size=160, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
                                  num_key_value_heads=2, max_position_embeddings=64)
model = transformers.Qwen2ForCausalLM(config).eval()
architecture = Architecture.from_config(config)
for dtype in ("int8", "fp32"):
    native = NativeModel(CpuEngine(architecture, pack(architecture, model.state_dict(), dtype), dtype, 2), "test")
    whole = native.forward([Feed(native.new_cache(), list(range(30)))])[0].logits
    cache, rows = native.new_cache(), []
    for token in range(30):
        rows.append(native.forward([Feed(cache, [token])])[0].logits)
        cache.keep([0])
    assert torch.equal(torch.cat(rows), whole)
    torch.save(whole, sys.argv[1] + dtype)
"""


@pytest.mark.skipif(not (IS_X86 and ISA == "avx512" and HAS_VNNI), reason="emulates older processors on one that has it all")
@pytest.mark.parametrize("name", _OLDER)
def test_older_processors_compute_the_same(name, tmp_path):
    for run, changes in (("now", {}), ("then", {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": _OLDER[name]})):
        command = [sys.executable, "-c", _RUN_TINY, str(tmp_path / run)]
        subprocess.run(command, env={**os.environ, **changes}, check=True)
    for dtype in ("int8", "fp32"):
        now, then = (torch.load(tmp_path / f"{run}{dtype}") for run in ("now", "then"))
        assert (now - then).norm() < 1e-3 * now.norm()


@pytest.mark.parametrize("dtype", ["int8", "fp32"])
def test_bits_depend_on_the_text_alone(reference, text, dtype):
    whole = prefill(native(reference, dtype, 2), text)[1].logits
    for num_threads in (1, 2):
        model = native(reference, dtype, num_threads)
        assert torch.equal(prefill(model, text)[1].logits, whole)
        cache, rows = model.new_cache(), []
        for token in text:
            rows.append(model.forward([Feed(cache, [token])])[0].logits)
            cache.keep([0])
        assert torch.equal(torch.cat(rows), whole)


@pytest.mark.parametrize("dtype", ["int8", "fp32"])
def test_tree_nodes_and_ragged_batches_have_the_same_bits(reference, text, dtype):
    model = native(reference, dtype)
    whole = prefill(model, text)[1].logits
    other = prefill(model, text[:9] + text[20:31])[1].logits
    trunk, _ = prefill(model, text[:9])
    trunk.keep(range(9))
    lone, fresh = model.new_cache(), model.new_cache()
    model.forward([Feed(lone, text[:30])])
    lone.keep(range(30))
    # two branches, interleaved: 0 2 4 6 continue the text, 1 3 5 the other one
    tokens, parents = [text[9], text[20], text[10], text[21], text[11], text[22], text[12]], [-1, -1, 0, 1, 2, 3, 4]
    tree, last, first = model.forward([Feed(trunk, tokens, parents), Feed(lone, text[30:37], num_logits=3), Feed(fresh, text[:2])])
    assert torch.equal(tree.logits[0::2], whole[9:13])
    assert torch.equal(tree.logits[1::2], other[9:12])
    assert torch.equal(last.logits, whole[34:37])
    assert torch.equal(first.logits, whole[:2])
    trunk.keep([0, 2, 4])  # rows accepted in a tree serve the next step
    assert torch.equal(model.forward([Feed(trunk, text[12:20])])[0].logits, whole[12:20])


@pytest.mark.parametrize("dtype", ["int8", "fp32"])
def test_early_exit_resumes_to_the_same_bits(reference, text, dtype):
    model = native(reference, dtype)
    whole = prefill(model, text, hidden=(2, POST_NORM))[1]
    cache, early = prefill(model, text, stop=2, hidden=(2, POST_NORM))
    assert torch.equal(early.hidden[2], whole.hidden[2])
    head = reference.get_output_embeddings().weight.detach()
    expected = early.hidden[POST_NORM] @ head.T
    assert (early.logits - expected).norm() < 0.02 * expected.norm()
    (late,) = model.forward([Feed(cache, embeddings=early.hidden[2], rows=range(len(text)))], start=2, hidden=(2, POST_NORM))
    assert torch.equal(late.logits, whole.logits)
    assert torch.equal(late.hidden[POST_NORM], whole.hidden[POST_NORM])


def test_embeddings_may_be_fed_instead_of_tokens(reference, text):
    model = native(reference, "fp32")
    table = reference.get_input_embeddings().weight.detach()
    (rows,) = model.forward([Feed(model.new_cache(), embeddings=table[text])])
    assert torch.equal(rows.logits, prefill(model, text)[1].logits)


@pytest.mark.parametrize("dtype", ["int8", "fp32"])
def test_nan_weights_give_nan_logits(reference, text, dtype):
    architecture = Architecture.from_config(reference.config)
    weights = {name: tensor.clone() for name, tensor in reference.state_dict().items()}
    weights["model.layers.1.mlp.down_proj.weight"][3, 5] = torch.nan
    model = NativeModel(CpuEngine(architecture, pack(architecture, weights, dtype), dtype, 2), "test")
    assert prefill(model, text)[1].logits.isnan().all()


def test_results_stay_when_more_is_computed(reference, text):
    model = native(reference, "fp32")
    first = prefill(model, text)[1].logits
    copy = first.clone()
    for _ in range(6):
        prefill(model, text[::-1])
    assert torch.equal(first, copy)


def test_wrong_arguments_are_named(reference):
    architecture = Architecture.from_config(reference.config)
    weights = reference.state_dict()
    with pytest.raises(ValueError, match="dtype='int4'"):
        pack(architecture, weights, "int4")
    with pytest.raises(ValueError, match=r"model\.norm\.weight"):
        pack(architecture, {name: tensor for name, tensor in weights.items() if name != "model.norm.weight"}, "int8")
    packed = pack(architecture, weights, "fp32")
    with pytest.raises(ValueError, match="dtype='int8' does not fit"):
        CpuEngine(architecture, packed, "int8")
    with pytest.raises(ValueError, match="num_threads=0"):
        CpuEngine(architecture, packed, "fp32", 0)
