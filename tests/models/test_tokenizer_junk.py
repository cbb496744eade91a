"""Whatever a file says of its tokenizer, it is read, refused with `UserError`, or ignored with a warning; nothing else is raised."""

from __future__ import annotations

import contextlib
import json
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foretell.errors import UserError
from foretell.models.text import Text
from foretell.models.weights.gguf_reader import GGUFFile
from foretell.models.weights.gguf_tokenizer import read_tokenizer
from tests.models.test_gguf_tokenizer import BYTE_LEVEL, SENTENCE_PIECE
from tests.models.tiny_tokenizers import byte_level

SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6), st.sampled_from(["a", "<s>", "</s>", ""]))
JUNK = st.one_of(SCALARS, st.lists(SCALARS, max_size=3), st.dictionaries(st.text(max_size=3), SCALARS, max_size=2))
FILES = {"byte-level": BYTE_LEVEL, "sentence-piece": SENTENCE_PIECE}
GGUF_KEYS = (
    *("model", "pre", "tokens", "merges", "token_type", "scores", "add_bos_token", "add_eos_token", "add_space_prefix"),
    *(f"{key}_token_id" for key in ("bos", "eos", "eot", "eom", "unknown", "padding", "fim_pad")),
)
CONFIG_KEYS = (
    *("bos_token", "eos_token", "unk_token", "pad_token", "chat_template", "added_tokens_decoder", "additional_special_tokens"),
    *("extra_special_tokens", "add_bos_token", "add_eos_token", "clean_up_tokenization_spaces", "vocab_size", "eos_token_id"),
)


def use(text: Text) -> None:
    """Read, chat and write with it."""
    ids = text.encode("a </s> b")
    assert isinstance(text.decode(ids), str)
    assert all(0 <= token < 10**6 for token in text.stop_tokens)
    assert Text.from_json(text.to_json()).stop_tokens == text.stop_tokens
    with contextlib.suppress(UserError):
        text.chat("a </s>")


@pytest.mark.parametrize("key", GGUF_KEYS)
@pytest.mark.parametrize("kind", FILES)
@given(junk=JUNK)
@settings(max_examples=15, deadline=None)
def test_gguf(key, kind, junk):
    metadata = {f"tokenizer.ggml.{name}": value for name, value in {**FILES[kind], key: junk}.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with contextlib.suppress(UserError):
            use(read_tokenizer(GGUFFile(Path("m.gguf"), metadata, {})))


@pytest.mark.parametrize("name", ["config", "generation_config", "tokenizer_config", "special_tokens_map"])
@given(said=st.dictionaries(st.sampled_from(CONFIG_KEYS), JUNK, max_size=4))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_folders(name, said, tmp_path):
    byte_level().save(str(tmp_path / "tokenizer.json"))
    (tmp_path / f"{name}.json").write_text(json.dumps(said))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with contextlib.suppress(UserError):
            use(Text.from_folder(tmp_path))
