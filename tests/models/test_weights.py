"""Readers give back what was written, and say what is wrong with files that are not whole."""

from __future__ import annotations

import contextlib
import json
import os
import shutil

import pytest
import torch

from foretell.errors import UserError
from foretell.models.load import read_checkpoint
from foretell.models.locate import locate
from foretell.models.weights.checkpoint import DamagedFileError, fingerprint
from foretell.models.weights.gguf_reader import open_gguf
from foretell.models.weights.hub import fetch, looks_like_hub_id
from tests.models.files import save_folder, save_gguf
from tests.models.zoo import transformers_model

FAMILIES = ["llama", "llama-plain", "mistral", "qwen2", "qwen3"]
KINDS = ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"]


@pytest.mark.parametrize("shard", ["5GB", "20KB"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_saved_folder_comes_back(tmp_path, family, shard):
    checkpoint = read_checkpoint(save_folder(tmp_path, family, shard))
    assert shard == "5GB" or len(list(tmp_path.glob("*.safetensors"))) > 1
    expected = transformers_model(family).state_dict()
    assert set(checkpoint.tensors) == set(expected) - ({"lm_head.weight"} if checkpoint.architecture.tie_embeddings else set())
    assert all(torch.equal(checkpoint.tensors[name], expected[name]) for name in checkpoint.tensors)


@pytest.mark.parametrize("kind", KINDS)
def test_a_quantised_gguf_comes_back(tmp_path, kind):
    stored = save_gguf(tmp_path / "m.gguf", "llama-plain", (kind, "F16"))
    checkpoint = read_checkpoint(tmp_path / "m.gguf")
    assert set(checkpoint.tensors) == set(stored)
    assert all(torch.equal(checkpoint.tensors[name], stored[name]) for name in stored)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_gguf_describes_the_same_architecture(tmp_path, family):
    save_gguf(tmp_path / "m.gguf", family)
    checkpoint = read_checkpoint(tmp_path / "m.gguf")
    wanted = read_checkpoint(save_folder(tmp_path / "folder", family)).architecture
    found = checkpoint.architecture
    assert torch.allclose(found.inv_freq, wanted.inv_freq, rtol=1e-5)
    for name in ("hidden_size", "intermediate_size", "num_layers", "num_heads", "num_kv_heads", "head_dim", "rope_scale", "vocab_size",
                 "tie_embeddings", "max_length"):  # fmt: skip
        assert getattr(found, name) == getattr(wanted, name), name
    expected = transformers_model(family).state_dict()
    assert all(torch.equal(checkpoint.tensors[name], expected[name]) for name in checkpoint.tensors)


@pytest.mark.parametrize("keep", [0, 3, 20, 300, 3000, -1])
def test_a_truncated_gguf_is_named(tmp_path, keep):
    save_gguf(tmp_path / "m.gguf", "llama-plain")
    whole = (tmp_path / "m.gguf").read_bytes()
    (tmp_path / "m.gguf").write_bytes(whole[:keep] if keep >= 0 else whole[: keep - 100])
    with pytest.raises(DamagedFileError, match=r"m\.gguf: .*; download"):
        read_checkpoint(tmp_path / "m.gguf")


def test_a_gguf_with_any_flipped_header_byte_never_hangs_or_crashes(tmp_path):
    save_gguf(tmp_path / "m.gguf", "llama-plain")
    whole = bytearray((tmp_path / "m.gguf").read_bytes())
    for i in range(0, 2400, 7):
        (tmp_path / "x.gguf").write_bytes(whole[:i] + bytes([whole[i] ^ 0xFF]) + whole[i + 1 :])
        with contextlib.suppress(DamagedFileError):
            open_gguf(tmp_path / "x.gguf")


def test_corrupt_values_are_named(tmp_path):
    save_gguf(tmp_path / "m.gguf", "llama-plain")
    data = bytearray((tmp_path / "m.gguf").read_bytes())
    data[-64:] = b"\xff" * 64
    (tmp_path / "m.gguf").write_bytes(data)
    checkpoint = read_checkpoint(tmp_path / "m.gguf")
    with pytest.raises(DamagedFileError, match="not numbers"):
        dict(checkpoint.tensors)


def test_a_missing_tensor_is_named(tmp_path):
    save_gguf(tmp_path / "m.gguf", "qwen2", leave_out="model.layers.1.self_attn.q_proj.bias")
    with pytest.raises(DamagedFileError, match=r"layers\.1\.self_attn\.q_proj\.bias"):
        read_checkpoint(tmp_path / "m.gguf")
    save_gguf(tmp_path / "n.gguf", "llama-plain", leave_out="model.embed_tokens.weight")
    with pytest.raises(DamagedFileError, match="token_embd"):
        read_checkpoint(tmp_path / "n.gguf")


def test_a_shape_that_does_not_fit_is_named(tmp_path):
    save_folder(tmp_path, "llama-plain")
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "intermediate_size": 40}))
    with pytest.raises(DamagedFileError, match=r"gate_proj.*\(48, 32\).*\(40, 32\)"):
        read_checkpoint(tmp_path)


def test_other_architectures_are_named(tmp_path):
    import gguf

    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "mamba")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(ValueError, match="'mamba' is not one of llama"):
        read_checkpoint(tmp_path / "m.gguf")


@pytest.mark.parametrize("cut", [0, 5, 100, -8])
def test_a_truncated_safetensors_file_is_named(tmp_path, cut):
    path = save_folder(tmp_path, "llama-plain") / "model.safetensors"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DamagedFileError, match=r"model\.safetensors: .*download"):
        read_checkpoint(tmp_path)


def test_a_missing_shard_and_a_broken_index_are_named(tmp_path):
    save_folder(tmp_path, "llama", "20KB")
    shard = sorted(tmp_path.glob("*.safetensors"))[1]
    shard.unlink()
    with pytest.raises(DamagedFileError, match=shard.name):
        read_checkpoint(tmp_path)
    (tmp_path / "model.safetensors.index.json").write_text("{")
    with pytest.raises(UserError, match=r"index\.json: not readable JSON"):
        read_checkpoint(tmp_path)


def test_broken_configurations_are_named(tmp_path):
    save_folder(tmp_path, "llama-plain")
    (tmp_path / "config.json").write_text('{"model_type": ')
    with pytest.raises(UserError, match=r"config\.json: not readable JSON"):
        read_checkpoint(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(DamagedFileError, match="model_type"):
        read_checkpoint(tmp_path)


def test_fingerprints_follow_contents_not_paths(tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_bytes(b"x" * 300_000)
    shutil.copy2(a, b)
    assert fingerprint([a]) == fingerprint([b])
    time = b.stat().st_mtime_ns
    b.write_bytes(b"x" * 299_999 + b"y")
    os.utime(b, ns=(time, time))
    assert fingerprint([a]) != fingerprint([b])


def test_locate_says_what_it_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = save_folder(tmp_path / "smol", "llama-plain")
    assert locate(folder) == locate(str(folder)) == locate(folder / "model.safetensors") == folder
    with pytest.raises(FileNotFoundError, match="did you mean 'smol'"):
        locate("smoll")
    with pytest.raises(FileNotFoundError, match=r"hub id of the form owner/name"):
        locate(tmp_path / "no" / "such")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"looked for config\.json and for \*\.gguf"):
        locate(tmp_path / "empty")
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(FileNotFoundError, match="not a model"):
        locate(tmp_path / "notes.txt")
    (tmp_path / "empty" / "a.gguf").write_bytes(b"")
    assert locate(tmp_path / "empty").name == "a.gguf"
    (tmp_path / "empty" / "b.gguf").write_bytes(b"")
    with pytest.raises(FileNotFoundError, match=r"a\.gguf, b\.gguf"):
        locate(tmp_path / "empty")


def test_hub_ids(monkeypatch):
    assert looks_like_hub_id("HuggingFaceTB/SmolLM2-135M-Instruct")
    assert not looks_like_hub_id("gpt2")
    assert not looks_like_hub_id("./a/b")
    assert not looks_like_hub_id("models/x.gguf")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ConnectionError, match=r"'owner/never-seen' is not downloaded yet.*go online"):
        fetch("owner/never-seen")
