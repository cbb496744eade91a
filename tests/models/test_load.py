"""`load` finds, converts, remembers, and explains."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import torch

from foretell.models.base import Feed
from foretell.models.load import load
from tests.models.files import save_folder, save_gguf
from tests.models.zoo import transformers_model

TEXT = [3, 14, 15, 9, 26, 5]


def logits(model) -> torch.Tensor:
    return model.forward([Feed(model.new_cache(), TEXT)])[0].logits


def reference(family: str) -> torch.Tensor:
    with torch.no_grad():
        return transformers_model(family)(torch.tensor([TEXT])).logits[0]


@pytest.mark.parametrize(("dtype", "atol"), [("fp32", 1e-4), ("bf16", 0.1), ("fp16", 0.02), ("int8", 0.3), (None, 0.3)])
@pytest.mark.parametrize("family", ["llama", "qwen2"])
def test_every_type_agrees_with_transformers(tmp_path, family, dtype, atol):
    model = load(save_folder(tmp_path, family), dtype=dtype, device="cpu")
    assert torch.allclose(logits(model), reference(family), atol=atol)
    again = load(tmp_path, dtype=dtype, device="cpu")
    assert torch.equal(logits(again), logits(model))
    assert again.fingerprint == model.fingerprint


@pytest.mark.parametrize("backend", ["native", "transformers"])
@pytest.mark.parametrize("family", ["llama", "llama-plain", "mistral", "qwen3"])
def test_gguf_files_load_in_both_backends(tmp_path, family, backend):
    save_gguf(tmp_path / "m.gguf", family)
    model = load(tmp_path / "m.gguf", dtype="fp32", backend=backend, device="cpu")
    assert torch.allclose(logits(model), reference(family), atol=1e-4)
    assert model.tokenizer is not None
    assert len(model.tokenizer) == 50


def test_unknown_families_go_through_transformers(tmp_path):
    model = load(save_folder(tmp_path, "gpt2"), device="cpu")
    assert type(model).__name__ == "TransformersModel"
    assert torch.allclose(logits(model), reference("gpt2"), atol=1e-4)
    with pytest.raises(ValueError, match=r"model_type='gpt2'.*backend='transformers'"):
        load(tmp_path, backend="native", device="cpu")


def test_a_folder_without_a_tokenizer_loads_without_one(tmp_path):
    assert load(save_folder(tmp_path, "llama-plain", tokenizer=False), dtype="fp32", device="cpu").tokenizer is None


def test_a_gguf_without_a_tokenizer_loads_without_one(tmp_path):
    save_gguf(tmp_path / "m.gguf", "llama-plain", tokenizer=False)
    assert load(tmp_path / "m.gguf", dtype="fp32", device="cpu").tokenizer is None


def test_pickled_weights_go_through_transformers(tmp_path):
    save_folder(tmp_path, "llama-plain")
    (tmp_path / "model.safetensors").unlink()
    torch.save(transformers_model("llama-plain").state_dict(), tmp_path / "pytorch_model.bin")
    model = load(tmp_path, device="cpu")
    assert type(model).__name__ == "TransformersModel"
    assert torch.allclose(logits(model), reference("llama-plain"), atol=1e-4)
    with pytest.raises(FileNotFoundError, match=r"backend='transformers'"):
        load(tmp_path, backend="native", device="cpu")


def test_what_the_native_forward_lacks_goes_through_transformers_and_says_so(tmp_path):
    import json

    save_folder(tmp_path, "llama-plain")
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "hidden_act": "gelu"}))
    with pytest.warns(UserWarning, match="slower: hidden_act='gelu'"):
        assert type(load(tmp_path, device="cpu")).__name__ == "TransformersModel"


def test_a_damaged_cache_is_rebuilt(tmp_path, cache):
    save_gguf(tmp_path / "m.gguf", "llama-plain")
    expected = logits(load(tmp_path / "m.gguf", dtype="fp32", device="cpu"))
    for path in [each for each in cache.rglob("*") if each.is_file()]:
        path.write_bytes(path.read_bytes()[:-20])
    assert torch.equal(logits(load(tmp_path / "m.gguf", dtype="fp32", device="cpu")), expected)


def test_an_edited_file_is_converted_again(tmp_path):
    save_gguf(tmp_path / "m.gguf", "llama-plain")
    first = load(tmp_path / "m.gguf", dtype="fp32", device="cpu")
    save_gguf(tmp_path / "m.gguf", "qwen3")
    second = load(tmp_path / "m.gguf", dtype="fp32", device="cpu")
    assert first.fingerprint != second.fingerprint
    assert torch.allclose(logits(second), reference("qwen3"), atol=1e-4)


def test_missing_tensors_are_not_made_up(tmp_path):
    from safetensors.torch import load_file, save_file

    path = save_folder(tmp_path, "gpt2") / "model.safetensors"
    tensors = load_file(path)
    tensors.pop("transformer.h.1.mlp.c_fc.weight")
    save_file(tensors, path, metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"h\.1\.mlp\.c_fc\.weight"):
        load(tmp_path, device="cpu")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "int9"}, "dtype='int9' is unknown, did you mean 'int8'"),
        ({"backend": "nativ"}, "backend='nativ' is unknown, did you mean 'native'"),
        ({"num_threads": 0}, "num_threads=0"),
        ({"device": "gpuu"}, "device='gpuu'"),
        ({"dtype": "int8", "backend": "transformers"}, "dtype='int8' does not run through transformers"),
    ],
)
def test_wrong_arguments_are_explained(options, message):
    with pytest.raises(ValueError, match=message):
        load(**options)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_missing_device_is_explained():
    with pytest.raises(ValueError, match="no CUDA device"):
        load(device="cuda")


def test_two_processes_may_load_at_once(tmp_path, cache):
    save_gguf(tmp_path / "m.gguf", "llama-plain")
    code = (
        "import sys; from foretell.models.load import load; from foretell.models.base import Feed\n"
        "m = load(sys.argv[1], dtype='fp32', device='cpu')\n"
        "print(m.forward([Feed(m.new_cache(), [1, 2, 3])])[0].logits.sum().item())"
    )
    command = [sys.executable, "-W", "error::UserWarning:foretell", "-c", code, str(tmp_path / "m.gguf")]
    runs = [subprocess.Popen(command, env=os.environ, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [run.communicate(timeout=120)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert outputs[0] == outputs[1] != ""
    assert not list(cache.glob("*.tmp"))


def test_importing_the_models_stays_light():
    code = (
        "import pkgutil, importlib, sys, foretell.models\n"
        "for m in pkgutil.walk_packages(foretell.models.__path__, 'foretell.models.'):\n"
        "    if '.engines.' not in m.name: importlib.import_module(m.name)\n"
        "print([name for name in ('transformers', 'gguf', 'numba', 'tokenizers', 'huggingface_hub') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_a_missing_default_model_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr("foretell.models.default.PACKAGE", "no_such_package")
    with pytest.raises(FileNotFoundError, match="foretell model install"):
        load()


@pytest.mark.parametrize(("family", "dtype"), [("llama", "int8"), ("gpt2", None)])
def test_tokens_that_a_folder_suppresses_are_never_generated(tmp_path, family, dtype):
    whole = logits(load(save_folder(tmp_path, family), dtype=dtype, device="cpu"))
    (tmp_path / "generation_config.json").write_text(json.dumps({"suppress_tokens": [49, 7]}))
    model = load(tmp_path, dtype=dtype, device="cpu")
    assert model.suppressed == (7, 49)
    rows = logits(model)
    assert torch.isneginf(rows[:, [7, 49]]).all()
    others = [token for token in range(50) if token not in (7, 49)]
    assert torch.equal(rows[:, others], whole[:, others])


@pytest.mark.parametrize(("text", "says"), [('{"suppress_tokens": [50]}', "suppress_tokens holds 50"), ("{", "not readable JSON")])
def test_a_broken_generation_config_is_explained(tmp_path, text, says):
    save_folder(tmp_path, "llama", tokenizer=False)
    (tmp_path / "generation_config.json").write_text(text)
    with pytest.raises(ValueError, match=says):
        load(tmp_path, dtype="fp32", device="cpu")
