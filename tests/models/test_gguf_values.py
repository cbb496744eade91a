"""GGUF metadata of unusual and of wrong types, files in parts, and files of the other byte order."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch

from foretell.errors import UserError
from foretell.models.base import Feed
from foretell.models.load import load, read_checkpoint
from foretell.models.locate import locate
from foretell.models.weights.checkpoint import DamagedFileError
from foretell.models.weights.gguf_reader import open_gguf
from tests.models.files import save_gguf


def rewritten(
    path: Path, change: dict | None = None, drop: tuple[str, ...] = (), only: slice = slice(None), to: Path | None = None
) -> Path:
    """The GGUF file `path` with other metadata (value, type), without some keys, or with some of its tensors only."""
    reader = gguf.GGUFReader(path)
    target = to or path.with_name("changed.gguf")
    writer = gguf.GGUFWriter(target, "llama")
    for key, field in reader.fields.items():
        if not key.startswith("GGUF.") and key != "general.architecture" and key not in {*drop, *(change or {})}:
            kind = field.types[0]
            writer.add_key_value(key, field.contents(), kind, field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None)
    for key, value in (change or {}).items():
        if key == "general.architecture":
            writer.kv_data[0][key].value, writer.kv_data[0][key].type = value, gguf.GGUFValueType.get_type(value)
        elif isinstance(value, list):
            writer.add_array(key, value)
        else:
            kind = gguf.GGUFValueType.UINT64 if type(value) is int else gguf.GGUFValueType.get_type(value)
            writer.add_key_value(key, value, kind)
    for tensor in reader.tensors[only]:
        writer.add_tensor(tensor.name, np.array(tensor.data), raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target


@pytest.fixture
def whole(tmp_path) -> Path:
    save_gguf(tmp_path / "m.gguf", "llama-plain")
    return tmp_path / "m.gguf"


def rows(path: Path) -> torch.Tensor:
    model = load(path, dtype="fp32", device="cpu", progress=False)
    return model.forward([Feed(model.new_cache(), [3, 1, 4, 1, 5])])[0].logits


def test_numbers_may_be_stored_for_each_layer(whole):
    change = {"llama.attention.head_count": [4, 4, 4], "llama.attention.head_count_kv": [2, 2, 2], "llama.feed_forward_length": [48] * 3}
    assert torch.equal(rows(rewritten(whole, change)), rows(whole))


def test_layers_that_differ_are_refused_by_key(whole):
    with pytest.raises(UserError, match=r"llama\.attention\.head_count_kv differs by layer \(\[2, 4, 2\]\)"):
        load(rewritten(whole, {"llama.attention.head_count_kv": [2, 4, 2]}))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("llama.block_count", "three"), ("llama.block_count", 0), ("llama.embedding_length", 3.5), ("llama.attention.head_count", True),
        ("llama.attention.layer_norm_rms_epsilon", "small"), ("llama.rope.freq_base", float("nan")), ("llama.rope.freq_base", 0.0),
        ("llama.context_length", ["a"]), ("llama.attention.head_count", [1.5, 2.5]), ("llama.attention.sliding_window", "wide"),
        ("llama.rope.scaling.type", 3), ("general.architecture", 7), ("general.alignment", "wide"), ("llama.rope.dimension_count", 6),
        ("llama.attention.value_length", 4),
    ],
)  # fmt: skip
def test_values_of_another_type_are_named(whole, key, value):
    with pytest.raises(UserError, match=re.escape(key)):
        load(rewritten(whole, {key: value}), progress=False)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("llama.block_count", 1 << 31, "2147483648 layers in 29 tensors"), ("llama.attention.key_length", 7, "head_dim=7"),
        ("split.count", 3, "part 1 of 3 by its metadata"), ("llama.feed_forward_length", 1 << 40, "gate_proj.weight' has shape"),
    ],
)  # fmt: skip
def test_values_that_do_not_fit_are_named(whole, key, value, says):
    with pytest.raises(UserError, match=re.escape(says)):
        load(rewritten(whole, {key: value}), progress=False)


@pytest.mark.parametrize("key", ["llama.block_count", "llama.context_length", "llama.attention.layer_norm_rms_epsilon"])
def test_keys_that_are_missing_are_named(whole, key):
    with pytest.raises(DamagedFileError, match=f"lack {key}"):
        load(rewritten(whole, drop=(key,)), progress=False)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("llama.logit_scale", 0.0625), ("llama.attn_logit_softcapping", 50.0), ("llama.attention.clamp_kqv", 8.0),
        ("llama.attention.causal", False), ("llama.residual_scale", 0.5), ("llama.rope.scaling.attn_factor", 1.2),
    ],
)  # fmt: skip
def test_settings_that_change_the_arithmetic_are_refused(whole, key, value):
    with pytest.raises(UserError, match=f"{key}=.* changes the arithmetic"):
        load(rewritten(whole, {key: value}), progress=False)


def test_settings_that_nobody_knows_are_warned_of(whole):
    with pytest.warns(UserWarning, match=r"nothing reads llama\.mood=merry"):
        found = rows(rewritten(whole, {"llama.mood": "merry", "llama.attention.causal": True, "llama.rope.scaling.finetuned": True}))
    assert torch.equal(found, rows(whole))


def test_tensors_of_another_architecture_are_refused(tmp_path):
    save_gguf(tmp_path / "m.gguf", "qwen3")
    data = (tmp_path / "m.gguf").read_bytes().replace(b"qwen3", b"llama")
    (tmp_path / "m.gguf").write_bytes(data)
    with pytest.raises(UserError, match=r"attn_[qk]_norm\.weight' \(one of 6\) takes no part in the architecture 'llama'"):
        load(tmp_path / "m.gguf", progress=False)


def test_a_special_token_outside_the_vocabulary_is_none(whole):
    change = {"tokenizer.ggml.eos_token_id": (1 << 32) - 1, "tokenizer.ggml.bos_token_id": "first"}
    config = read_checkpoint(rewritten(whole, change)).config
    assert (config.eos_token_id, config.bos_token_id) == (None, None)


@pytest.fixture
def parts(whole) -> list[Path]:
    names = [whole.with_name(f"p-0000{number}-of-00002.gguf") for number in (1, 2)]
    count = len(gguf.GGUFReader(whole).tensors)
    said = {"split.count": 2, "split.tensors.count": count}
    rewritten(whole, {**said, "split.no": 0}, only=slice(0, 5), to=names[0])
    keys = [key for key in gguf.GGUFReader(whole).fields if not key.startswith("GGUF.")]
    rewritten(whole, {**said, "split.no": 1}, drop=tuple(keys), only=slice(5, None), to=names[1])
    return names


def test_all_parts_are_read_whichever_is_named(whole, parts):
    wanted = rows(whole)
    whole.unlink()
    assert [locate(part) for part in parts] == [parts[0]] * 2
    assert locate(whole.parent) == parts[0]
    assert all(torch.equal(rows(part), wanted) for part in (*parts, whole.parent))
    assert len(open_gguf(parts[1]).tensors) > 5


@pytest.mark.parametrize("gone", [0, 1])
def test_a_part_that_is_missing_is_named(parts, gone):
    parts[gone].unlink()
    with pytest.raises(DamagedFileError, match=f"part {2 - gone} of 2, and {parts[gone].name} is not beside it"):
        load(parts[1 - gone])


def test_a_part_under_another_name_says_what_it_is(parts):
    parts[0].rename(parts[0].with_name("model.gguf"))
    with pytest.raises(DamagedFileError, match="part 1 of 2 by its metadata"):
        load(parts[0].with_name("model.gguf"))


def test_parts_in_the_wrong_order_are_noticed(parts):
    one, other = (part.read_bytes() for part in parts)
    parts[0].write_bytes(other)
    parts[1].write_bytes(one)
    with pytest.raises(DamagedFileError, match="part 2 of 2 by its metadata"):
        load(parts[0])


def test_the_other_byte_order_is_named(tmp_path):
    (tmp_path / "m.gguf").write_bytes(b"GGUF" + struct.pack(">IQQ", 3, 1, 1) + b"\0" * 100)
    with pytest.raises(DamagedFileError, match="big-endian file; turn it"):
        load(tmp_path / "m.gguf")


@pytest.mark.parametrize("entry", ["deep", "many", "twice", "empty-shape", "kind"])
def test_false_counts_and_depths_are_named(tmp_path, entry):
    def text(value: bytes) -> bytes:
        return struct.pack("<Q", len(value)) + value

    tensor = text(b"t") + struct.pack("<IQQIQ", 2, 0, 1 << 60, 0, 0)
    strange = text(b"t") + struct.pack("<IQIQ", 1, 32, 999, 0)
    keys, tensors = {
        "deep": ([text(b"k") + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 5000], []),
        "many": ([text(b"k") + struct.pack("<IIQ", 9, 4, 1 << 61)], []),
        "twice": ([text(b"k") + struct.pack("<II", 4, 1)] * 2, []),
        "empty-shape": ([], [tensor]),
        "kind": ([], [strange]),
    }[entry]
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys))
    (tmp_path / "m.gguf").write_bytes(head + b"".join((*keys, *tensors)) + b"\0" * 64)
    with pytest.raises(DamagedFileError):
        open_gguf(tmp_path / "m.gguf")
