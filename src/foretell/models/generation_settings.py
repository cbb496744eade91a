"""generation_config.json: the tokens that it forbids, and its settings that Foretell does not take over.

Foretell's options are those of the call, and greedy decoding is the default. A file may ask for more, as transformers' `generate` reads it:
what would change even greedy text is named in a warning. `temperature`, `top_p` and `top_k` do not, so nothing is said of them.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from foretell.errors import UserError
from foretell.json_files import read_object

_NONE = "there is no such option"
#: Settings that change greedy text: the values that change nothing, and what to do instead.
GREEDY_SETTINGS: dict[str, tuple[tuple[Any, ...], str]] = {
    "repetition_penalty": ((1,), "pass repetition_penalty={value} to generate"),
    "encoder_repetition_penalty": ((1,), _NONE),
    "no_repeat_ngram_size": ((0,), _NONE),
    "encoder_no_repeat_ngram_size": ((0,), _NONE),
    "bad_words_ids": (([],), "for single tokens pass logit_bias with -inf to generate"),
    "begin_suppress_tokens": (([],), _NONE),
    "forced_bos_token_id": ((), _NONE),
    "forced_eos_token_id": ((), _NONE),
    "forced_decoder_ids": (([],), _NONE),
    "force_words_ids": (([],), "pass regex= or a constraint to generate"),
    "constraints": (([],), "pass regex= or a constraint to generate"),
    "sequence_bias": (([], {}), "for single tokens pass logit_bias to generate"),
    "exponential_decay_length_penalty": ((), _NONE),
    "min_length": ((0,), _NONE),
    "min_new_tokens": ((0,), _NONE),
    "num_beams": ((1,), "`foretell complete` searches with beams"),
    "num_beam_groups": ((1,), _NONE),
    "diversity_penalty": ((0,), _NONE),
    "penalty_alpha": ((0,), _NONE),
    "guidance_scale": ((1,), _NONE),
    "dola_layers": ((), _NONE),
    "stop_strings": (([], ""), "pass stop={value} to generate"),
    "watermarking_config": (({},), _NONE),
    "token_healing": ((False,), _NONE),
}


def read_generation_settings(folder: Path) -> Mapping[str, Any]:
    """The contents of generation_config.json; where there is none, those of config.json, as transformers takes them."""
    path = folder / "generation_config.json"
    if not path.is_file():
        path = folder / "config.json"
    return read_object(path) if path.is_file() else {}


def suppressed_tokens(values: Mapping[str, Any], vocab_size: int, folder: Path) -> tuple[int, ...]:
    """Tokens that may never be generated (`suppress_tokens`, as transformers has it)."""
    found = values.get("suppress_tokens") or []
    tokens = found if isinstance(found, list) else [found]
    for token in tokens:
        if isinstance(token, bool) or not isinstance(token, int) or not 0 <= token < vocab_size:
            where = folder / "generation_config.json"
            raise UserError(f"{where}: suppress_tokens holds {token!r}, which is outside the vocabulary of {vocab_size}; remove it there")
    return tuple(sorted(set(tokens)))


def warn_of_unused(values: Mapping[str, Any], folder: Path) -> None:
    """One warning that names the settings which would change greedy text, and how to ask for them."""
    asked = []
    for key, (neutral, instead) in GREEDY_SETTINGS.items():
        value = values.get(key)
        if value is None or any(value == each for each in neutral):
            continue
        asked.append(f"{key}={str(value)[:60]} ({instead.format(value=repr(value)[:60])})")
    if asked:
        warnings.warn(f"{folder}: its generation settings are not applied: {'; '.join(asked)}", stacklevel=2)
