"""The tokenizer in a folder: tokenizer.json, and the files beside it that say more (tokenizer_config.json, chat templates, stop ids)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from foretell.errors import UserError
from foretell.json_files import read_object
from foretell.models.stop_tokens import end_of_turn, stop_tokens
from foretell.models.tokenizers_call import encoding_of, tokenizers_call

_FLAGS = ("lstrip", "rstrip", "normalized", "single_word", "special")
_SPACES = ("▁", "Ġ")  # how vocabularies write a space
_NAMED = ("bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token")


def read_folder(folder: Path, make_text: Callable[..., Any]) -> Any:
    """The `Text` of a folder, made by `make_text`. FileNotFoundError where it has no tokenizer, UserError for files that cannot be read."""
    tokenizer = _read_tokenizer(folder)
    settings = {**_read_json(folder / "special_tokens_map.json"), **_read_json(folder / "tokenizer_config.json")}
    _add_tokens(tokenizer, settings)
    _compare_ends(tokenizer, settings)
    templates = _read_templates(folder, settings)
    bos, eos = (_known(tokenizer, name, settings.get(name)) for name in ("bos_token", "eos_token"))
    config = _read_json(folder / "config.json")
    inner = config.get("text_config")  # of models that read more than text
    config = {**inner, **config} if isinstance(inner, dict) else config
    size = config.get("vocab_size")
    num_tokens = max(tokenizer.get_vocab_size(), size if isinstance(size, int) else 0)
    said = [("config.json: eos_token_id", config.get("eos_token_id"))]
    said.append(("generation_config.json: eos_token_id", _read_json(folder / "generation_config.json").get("eos_token_id")))
    others = {key: _name(told) for key, told in settings.items() if key.endswith("_token") and _name(told)}
    stops = stop_tokens(tokenizer, said, [eos], num_tokens)
    text = make_text(tokenizer, stops, _default(templates), bos, eos, templates.get("tool_use"), others)
    text.stop_tokens |= end_of_turn(text)
    return text


def _read_tokenizer(folder: Path) -> Any:
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    reads = partial(Tokenizer.from_file, str(path)) if path.is_file() else partial(_converted, folder)
    tokenizer = tokenizers_call(f"{path}: not a readable tokenizer", reads)
    tokenizer.no_truncation()  # some files still have the settings of their training
    tokenizer.no_padding()
    return tokenizer


def _converted(folder: Path) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder).backend_tokenizer
    except (OSError, ValueError, AttributeError, ImportError) as error:
        raise FileNotFoundError(f"{folder} has no tokenizer.json and no tokenizer that transformers can convert ({error})") from error


def _add_tokens(tokenizer: Any, settings: Mapping[str, Any]) -> None:
    """Add what tokenizer_config.json says of added tokens to what tokenizer.json says, as transformers does."""
    from tokenizers import AddedToken

    known = tokenizer.get_added_tokens_decoder()
    told = settings.get("added_tokens_decoder") or {}
    if not isinstance(told, Mapping) or not all(str(token).isdecimal() and isinstance(each, Mapping) for token, each in told.items()):
        raise UserError("tokenizer_config.json: added_tokens_decoder must map ids to tokens; remove it, or download the file again")
    for token, each in sorted((int(token), each) for token, each in told.items()):
        name, flags = str(each.get("content", "")), {flag: bool(each[flag]) for flag in _FLAGS if flag in each}
        before = known.get(token)
        if before is not None and before.content == name and all(getattr(before, flag) == flags[flag] for flag in flags):
            continue
        there = tokenizer.token_to_id(name)
        if name and (there == token or (there is None and token == tokenizer.get_vocab_size())):
            tokenizer.add_tokens([AddedToken(name, **flags)])
        else:
            is_there = "nothing" if there is None else f"id {there}"
            message = f"tokenizer_config.json: added_tokens_decoder gives {name!r} the id {token}, tokenizer.json {is_there}; it is ignored"
            warnings.warn(message, stacklevel=4)
    more = settings.get("extra_special_tokens") or settings.get("additional_special_tokens") or []
    more = list(more.values()) if isinstance(more, Mapping) else more if isinstance(more, list) else []
    names = [_name(each) for each in (*map(settings.get, _NAMED), *more)]
    special = {each.content for each in tokenizer.get_added_tokens_decoder().values()}
    new = [name for name in names if name and name not in special and tokenizer.token_to_id(name) is not None]
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in dict.fromkeys(new)])


def _compare_ends(tokenizer: Any, settings: Mapping[str, Any]) -> None:
    """Warn where tokenizer_config.json says otherwise than tokenizer.json whether a text gets a start token, an end token and a space."""
    ids = encoding_of(tokenizer, "a", special=True).ids
    for key, place in (("bos_token", 0), ("eos_token", -1)):
        said, token = settings.get(f"add_{key}"), tokenizer.token_to_id(_name(settings.get(key)) or "")
        if isinstance(said, bool) and token is not None and said != (bool(ids) and ids[place] == token):
            adds = "does not add" if said else "adds"
            message = f"tokenizer_config.json: add_{key}={said}, but tokenizer.json {adds} it; it decides, as in transformers"
            warnings.warn(message, stacklevel=4)
    said, ids = settings.get("add_prefix_space"), encoding_of(tokenizer, "a", special=False).ids
    begins = (tokenizer.id_to_token(ids[0]) if ids else "").startswith(_SPACES)
    if isinstance(said, bool) and said != begins:
        adds = "adds one" if begins else "adds none"
        warnings.warn(f"tokenizer_config.json: add_prefix_space={said}, but tokenizer.json {adds}; it decides", stacklevel=4)


def _read_templates(folder: Path, settings: Mapping[str, Any]) -> dict[str, str]:
    """Chat templates by name; files go before settings."""
    templates: dict[str, Any] = {}
    for said in (settings.get("chat_template"), _read_json(folder / "chat_template.json").get("chat_template")):
        if isinstance(said, list):  # named templates
            named = [each for each in said if isinstance(each, Mapping)]
            templates.update({str(each.get("name")): each.get("template") for each in named})
        elif said is not None:
            templates["default"] = said
    files = {path.stem: path for path in sorted((folder / "additional_chat_templates").glob("*.jinja"))}
    if (folder / "chat_template.jinja").is_file():
        files["default"] = folder / "chat_template.jinja"
    for name, path in files.items():
        try:
            templates[name] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise UserError(f"{path}: not UTF-8 text ({error}); download it again") from error
    for name, template in templates.items():
        if not isinstance(template, str):
            raise UserError(f"tokenizer_config.json: the chat template {name!r} is {template!r}, not text; download the file again")
    return templates


def _default(templates: Mapping[str, str]) -> str | None:
    if templates and "default" not in templates:
        if len(templates) == 1:
            return next(iter(templates.values()))
        message = f"chat_template: none of {', '.join(templates)} is named 'default', so chats are fed without a template"
        warnings.warn(message, stacklevel=4)
    return templates.get("default")


def _known(tokenizer: Any, key: str, said: Any) -> str:
    name = _name(said)
    if said is not None and not isinstance(said, str) and not name:
        warnings.warn(f"tokenizer_config.json: {key}={said!r} is no token's name; it is ignored", stacklevel=4)
    if name and tokenizer.token_to_id(name) is None:
        warnings.warn(f"tokenizer_config.json: {key}={name!r} is no token of tokenizer.json; no text begins or ends with it", stacklevel=4)
    return name


def _name(said: Any) -> str:
    """The name of a token that is given as text, or with its flags."""
    name = said.get("content", "") if isinstance(said, Mapping) else said
    return name if isinstance(name, str) else ""


def _read_json(path: Path) -> dict[str, Any]:
    return read_object(path) if path.is_file() else {}
