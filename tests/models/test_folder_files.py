"""What the files of a folder say is honoured, refused by name, or warned of."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from foretell.errors import UserError
from foretell.models.base import Feed
from foretell.models.load import load
from foretell.models.weights.checkpoint import DamagedFileError
from tests.models.files import save_folder
from tests.models.zoo import transformers_model

TEXT = [3, 1, 4, 1, 5, 9, 2, 6]


def change(folder: Path, **settings) -> None:
    """Overwrite settings of config.json."""
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **settings}))


def change_tensors(folder: Path, edit) -> None:
    tensors = load_file(folder / "model.safetensors")
    save_file(edit(tensors), folder / "model.safetensors", metadata={"format": "pt"})


def rows(folder: Path, **options) -> torch.Tensor:
    model = load(folder, dtype="fp32", device="cpu", progress=False, **options)
    return model.forward([Feed(model.new_cache(), TEXT)])[0].logits


def expected(folder: Path) -> torch.Tensor:
    from transformers import AutoModelForCausalLM

    with torch.no_grad():
        return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()(torch.tensor([TEXT])).logits[0]


def same(folder: Path) -> None:
    assert torch.allclose(rows(folder), expected(folder), atol=1e-3)


@pytest.fixture
def folder(tmp_path) -> Path:
    return save_folder(tmp_path, "llama", tokenizer=False)


@pytest.fixture
def qwen(tmp_path) -> Path:
    return save_folder(tmp_path, "qwen2", tokenizer=False)


def test_a_stored_head_is_the_head_whatever_the_flag_says(folder):
    change(folder, tie_word_embeddings=True)
    for _ in range(2):  # also of the packed copy
        with pytest.warns(UserWarning, match="tie_word_embeddings says that the head is the embedding, but 'lm_head.weight' is stored"):
            found = rows(folder)
    assert torch.allclose(found, expected(folder), atol=1e-3)


def test_tied_weights_may_be_stored_under_either_name(tmp_path):
    save_folder(tmp_path, "llama-plain", tokenizer=False)
    wanted = rows(tmp_path)
    change_tensors(tmp_path, lambda tensors: {**tensors, "lm_head.weight": tensors["model.embed_tokens.weight"].clone()})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch.equal(rows(tmp_path), wanted)
    change_tensors(tmp_path, lambda tensors: {name: each for name, each in tensors.items() if name != "model.embed_tokens.weight"})
    assert torch.equal(rows(tmp_path), wanted)
    same(tmp_path)


def test_one_file_goes_before_an_index(folder):
    wanted, names = rows(folder), list(load_file(folder / "model.safetensors"))
    other = "model-00001-of-00001.safetensors"
    save_file({name: each * 0.5 for name, each in load_file(folder / "model.safetensors").items()}, folder / other)
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": dict.fromkeys(names, other)}))
    assert torch.equal(rows(folder), wanted)
    (folder / other).unlink()
    assert torch.equal(rows(folder), wanted)


@pytest.mark.parametrize("name", [3, "../model.safetensors", None])
def test_an_index_that_names_no_file_is_named(folder, name):
    (folder / "model.safetensors").rename(folder / "other.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": name}}))
    with pytest.raises(DamagedFileError, match="weight_map names"):
        load(folder)


def test_shards_without_an_index_must_all_be_there(folder):
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    with pytest.raises(DamagedFileError, match="one of 2 shards, but 1 are there"):
        load(folder)


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ("LlamaForSequenceClassification", "LlamaForSequenceClassification, which is no causal language model"),
        ("InternLM2ForRewardModel", "no causal language model"),
        ("LlamaEncoderModel", "no causal language model"),
    ],
)
def test_what_is_no_language_model_is_refused(folder, named, says):
    change(folder, architectures=[named])
    with pytest.raises(UserError, match=says):
        load(folder)


def test_an_encoder_is_refused(folder):
    change(folder, is_causal=False)
    with pytest.raises(UserError, match="tokens see later ones"):
        load(folder)


def test_adapters_are_refused_with_or_without_their_base_model(folder, tmp_path):
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "x/y"}')
    with pytest.raises(UserError, match="PEFT adapter; merge it into its base model"):
        load(folder)
    (folder / "config.json").unlink()
    with pytest.raises(UserError, match=r"PEFT adapter .*; merge it into its base model"):
        load(folder)


@pytest.mark.parametrize(
    "settings",
    [
        {"attn_logit_softcapping": 50.0},
        {"final_logit_softcapping": 30.0},
        {"clip_qkv": 8.0},
        {"sliding_window": 4},
    ],
)
def test_settings_that_the_family_has_not_are_warned_of(folder, settings):
    wanted = rows(folder)
    change(folder, **settings)
    with pytest.warns(UserWarning, match=f"nothing reads {next(iter(settings))}="):
        found = rows(folder)
    assert torch.equal(found, wanted)  # as transformers' class, which does not read them either
    same(folder)


def test_whole_heads_are_turned(tmp_path):
    """Llama's class in transformers reads no `partial_rotary_factor` where frequencies are the usual ones."""
    save_folder(tmp_path, "llama-plain", tokenizer=False)
    change(tmp_path, partial_rotary_factor=0.5)
    with pytest.warns(UserWarning, match=r"nothing reads partial_rotary_factor=0\.5"):
        found = rows(tmp_path)
    assert torch.allclose(found, expected(tmp_path), atol=1e-3)


def test_settings_that_change_nothing_are_not_warned_of(folder):
    change(folder, clip_qkv=None, logit_scale=1.0, torch_dtype="float32", initializer_range=0.1, temperature=0.7)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows(folder)


def test_code_that_a_folder_names_is_not_run(folder):
    change(folder, auto_map={"AutoModelForCausalLM": "modeling.Own"})
    (folder / "modeling.py").write_text("raise SystemExit('was run')")
    with pytest.warns(UserWarning, match="auto_map names code of its own, which is not run"):
        rows(folder)


def test_a_family_of_the_folders_own_is_refused(folder):
    change(folder, model_type="mystery", auto_map={"AutoConfig": "own.Config"})
    with pytest.raises(UserError, match="needs code that lies in the folder"):
        load(folder, progress=False)


def test_quantisation_that_transformers_does_not_know_is_refused(folder):
    change(folder, quantization_config={"quant_method": "of tomorrow"})
    with pytest.warns(UserWarning, match="quantised by 'of tomorrow'"), pytest.raises(UserError, match="does not read quantization_config"):
        load(folder, progress=False)


def test_other_families_are_warned_of_too(tmp_path):
    save_folder(tmp_path, "gpt2", tokenizer=False)
    change(tmp_path, clip_qkv=8.0)
    with pytest.warns(UserWarning, match="nothing reads clip_qkv=8.0"):
        rows(tmp_path)


@pytest.mark.parametrize("backend", [None, "transformers"])
def test_tensors_without_a_part_are_warned_of_each_time(folder, backend):
    norm = torch.ones(8)
    change_tensors(folder, lambda tensors: {**tensors, "model.layers.0.self_attn.q_norm.weight": norm, "lora_A": norm.clone()})
    for _ in range(2):
        with pytest.warns(UserWarning, match="q_norm"):
            rows(folder, backend=backend)


def test_frequencies_that_were_stored_are_not_warned_of(folder):
    change_tensors(folder, lambda tensors: {**tensors, "model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows(folder)


def test_each_family_reads_its_own_settings(qwen):
    """Qwen2 has biases of queries, keys and values, and no others, whatever the configuration says."""
    change(qwen, attention_bias=True, mlp_bias=True)
    with pytest.warns(UserWarning, match="nothing reads attention_bias=True, mlp_bias=True"):
        found = rows(qwen)
    assert torch.allclose(found, expected(qwen), atol=1e-3)


def test_windows_need_a_length(qwen):
    change(qwen, layer_types=["sliding_attention"] * 3, use_sliding_window=False)
    with pytest.raises(UserError, match="layer_types names sliding_attention, but sliding_window=0"):
        load(qwen, backend="native")


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden_size": "64"}, {"num_attention_heads": 0}, {"num_hidden_layers": 10**9},
        {"vocab_size": 10**12}, {"num_key_value_heads": 3}, {"head_dim": 0},
        {"rope_parameters": {"rope_type": "yarn"}}, {"rope_parameters": 7}, {"rms_norm_eps": None}, {"max_position_embeddings": -1},
        {"architectures": "LlamaForCausalLM"}, {"num_hidden_layers": None}, {"hidden_act": 3}, {"model_type": ["llama"]},
        {"rope_parameters": {"rope_type": "nonsense", "rope_theta": 1e4}}, {"tie_word_embeddings": "yes"}, {"quantization_config": "int4"},
        {"rope_parameters": {"rope_type": "default", "rope_theta": 10**400}},
        {"rope_parameters": {"rope_type": "llama3", "rope_theta": 1e4, "factor": 10**400, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                             "original_max_position_embeddings": 8}},
    ],
)  # fmt: skip
def test_impossible_settings_are_the_users(folder, settings):
    change(folder, **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(UserError):
            load(folder, progress=False)


def test_quantised_weights_are_refused_by_name(folder):
    change(folder, quantization_config={"quant_method": "awq", "bits": 4})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(UserError, match=r"awq|transformers cannot load"):
            load(folder, progress=False)


def test_a_value_that_is_no_number_is_named_by_both_backends(folder):
    def broken(tensors):
        tensors["model.layers.1.mlp.up_proj.weight"][0, 0] = float("nan")
        return tensors

    change_tensors(folder, broken)
    for backend in ("native", "transformers"):
        with pytest.raises(DamagedFileError, match=r"up_proj.*not numbers"):
            load(folder, dtype="fp32", backend=backend, progress=False)


def test_weights_of_eight_bits_are_no_floats_to_the_native_reader(folder):
    name = "model.layers.0.mlp.up_proj.weight"
    change_tensors(folder, lambda tensors: {**tensors, name: tensors[name].to(torch.float8_e4m3fn)})
    with pytest.raises(UserError, match="stored as float8_e4m3fn, which is quantised"):
        load(folder, dtype="fp32", backend="native", progress=False)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"repetition_penalty": 1.5}, r"repetition_penalty=1.5 \(pass repetition_penalty=1.5 to generate\)"),
        ({"no_repeat_ngram_size": 3, "num_beams": 4}, "no_repeat_ngram_size=3 .*; num_beams=4"),
        ({"begin_suppress_tokens": [1], "min_new_tokens": 5}, "begin_suppress_tokens=.*min_new_tokens=5"),
        ({"forced_eos_token_id": 0, "bad_words_ids": [[3]]}, "bad_words_ids=.*forced_eos_token_id=0"),
    ],
)
def test_generation_settings_that_are_not_applied_are_named_once(folder, settings, says):
    (folder / "generation_config.json").write_text(json.dumps(settings))
    with pytest.warns(UserWarning, match=f"generation settings are not applied: .*{says}") as caught:
        rows(folder)
    assert len(caught) == 1


def test_generation_settings_that_greedy_text_does_not_see_are_not_named(folder):
    settings = {"temperature": 0.6, "top_p": 0.9, "top_k": 20, "do_sample": True, "repetition_penalty": 1.0, "eos_token_id": 2}
    (folder / "generation_config.json").write_text(json.dumps(settings))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows(folder)


def test_without_a_generation_config_the_configuration_is_read(folder):
    (folder / "generation_config.json").unlink(missing_ok=True)
    change(folder, repetition_penalty=1.2)
    with pytest.warns(UserWarning, match="repetition_penalty=1.2"):
        rows(folder)


def test_the_reference_is_the_model_that_was_saved(folder):
    with torch.no_grad():
        wanted = transformers_model("llama")(torch.tensor([TEXT])).logits[0]
    assert torch.allclose(rows(folder), wanted, atol=1e-3)
