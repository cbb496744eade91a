"""JSON that users hand in: every way of being none is refused by the name of the file."""

from __future__ import annotations

import pytest

from foretell.bench.prompts import PromptFileError, read_prompts
from foretell.cli.common.rules import read_tools_file
from foretell.errors import UserError
from foretell.json_files import as_object, parse_json, read_json, read_object
from foretell.models.generation_settings import read_generation_settings
from foretell.models.tokenizer_folder import read_folder
from foretell.models.weights.safetensors_folder import read_config
from foretell.rules.schema_source import read_schema
from foretell.training.network import read_card
from tests.models.tiny_tokenizers import byte_level

BROKEN = {
    "cut": (b'{"a": ', "not readable JSON"),
    "empty": (b"", "not readable JSON"),
    "deep": (b'{"a": ' + b"[" * 100_000, "not readable JSON .*nested too deeply"),
    "long": (b'{"a": ' + b"1" * 5000 + b"}", "not readable JSON .*digits"),
    "bytes": (b'{"a": "\xff"}', r"not UTF-8 text \(invalid start byte at byte 7\)"),
    "surrogate": (b'{"a": "\\uD83d"}', "half a surrogate pair"),
    "list": (b"[1]", "holds a list where an object should be"),
    "text": (b'"a"', "holds a str where an object should be"),
    "null": (b"null", "holds a NoneType where an object should be"),
}


@pytest.mark.parametrize("content", BROKEN)
def test_what_is_no_object(tmp_path, content):
    data, message = BROKEN[content]
    (tmp_path / "a.json").write_bytes(data)
    with pytest.raises(UserError, match=rf"a\.json: .*{message}.*; mend it"):
        read_object(tmp_path / "a.json", "mend it")


def test_what_is_read(tmp_path):
    (tmp_path / "a.json").write_text('{"a": "\\ud83d\\ude00 \\\\ud800"}')
    assert read_object(tmp_path / "a.json") == read_json(tmp_path / "a.json") == {"a": "\U0001f600 \\ud800"}
    assert parse_json("[NaN, 1e999]", "x")[1] == float("inf")
    assert as_object({}, "x") == {}
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "b.json")


@pytest.mark.parametrize("content", BROKEN)
@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("config.json", read_config),
        ("generation_config.json", read_generation_settings),
        ("training.json", read_card),
        ("tokenizer_config.json", lambda folder: read_folder(folder, lambda *words: None)),
        ("chat_template.json", lambda folder: read_folder(folder, lambda *words: None)),
    ],
)
def test_every_reader_of_an_object(tmp_path, name, read, content):
    byte_level().save(str(tmp_path / "tokenizer.json"))
    (tmp_path / name).write_bytes(BROKEN[content][0])
    with pytest.raises(UserError, match=name):
        read(tmp_path)


@pytest.mark.parametrize("content", ["cut", "deep", "long"])
def test_readers_of_other_values(tmp_path, content):
    path, data = tmp_path / "a.json", BROKEN[content][0]
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"a\.json: not readable JSON"):
        read_tools_file(path)
    with pytest.raises(UserError, match=r"a\.json: not readable JSON"):
        read_schema(path)
    (tmp_path / "a.jsonl").write_bytes(data)
    with pytest.raises(PromptFileError, match=r"a\.jsonl:1: not JSON"):
        read_prompts(tmp_path / "a.jsonl")
