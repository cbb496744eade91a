"""The tokens that end an answer: the one place that decides them, from all that files say."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

from foretell.errors import UserError

#: Tokens that end an answer whatever the configuration forgot to say; llama.cpp knows them by their text, too.
END_OF_TURN = (
    "<|im_end|>", "<|eot_id|>", "<|endoftext|>", "<end_of_turn>", "<|end|>", "<|eom_id|>", "<|end_of_text|>", "<|return|>", "<|call|>",
    "<｜end▁of▁sentence｜>", "<end_of_utterance>", "<EOT>", "_<EOT>", "[EOT]", "<turn|>", "<|flush|>", "<|calls|>", "<|tool_response>",
    "[e~[", "<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>", "<|file_sep|>",
)  # fmt: skip
_MARK = "answer goes here"


def stop_tokens(tokenizer: Any, configured: Iterable[tuple[str, Any]], names: Iterable[str], num_tokens: int) -> frozenset[int]:
    """Ids that end an answer: those configured, those of the tokens `names`, and every known end of turn that the tokenizer has.

    configured: pairs of where something is said ("config.json: eos_token_id") and what: an id, a list of ids, or None. Ids that are no
    whole number from 0 to `num_tokens` - 1 are left out, and a warning says so.
    """
    found = {token for where, said in configured for token in valid_ids(where, said, num_tokens)}
    ends = ends_of_turn(name for name in END_OF_TURN if tokenizer.token_to_id(name) is not None)
    named = map(tokenizer.token_to_id, filter(None, (*names, *ends)))
    return frozenset(found) | {token for token in named if token is not None}


def ends_of_turn(names: Iterable[str]) -> set[str]:
    """Those of the tokens `names` that are known to end an answer."""
    ends = set(names).intersection(END_OF_TURN)
    if {"<|call|>", "<|return|>"} <= ends or {"<|calls|>", "<|flush|>"} <= ends:
        ends.discard("<|end|>")  # there it ends a part of an answer
    return ends


def valid_ids(where: str, said: Any, num_tokens: int) -> list[int]:
    """The ids in what a file says, which is an id, a list of ids, or None; a warning names each value that is no id."""
    ids = []
    for value in said if isinstance(said, list | tuple) else [] if said is None else [said]:
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < num_tokens:
            ids.append(value)
        else:
            warnings.warn(f"{where}={value!r} is no id of the {num_tokens} tokens; it is ignored", stacklevel=3)
    return ids


def end_of_turn(text: Any) -> set[int]:
    """The control token that the chat template of a `foretell.models.text.Text` writes after an answer, and which therefore ends one. None
    where the template names a stop token that is known already, since rendering it takes time.
    """
    template = text.chat_template
    if template is None or (text.eos_token and "eos_token" in template):
        return set()
    if any(name in template for name in map(text.tokenizer.id_to_token, text.stop_tokens) if name):
        return set()
    try:
        written = text.render([{"role": "user", "content": "?"}, {"role": "assistant", "content": _MARK}], answer=False)
    except UserError:  # a template for other chats
        return set()
    after = written.rpartition(_MARK)[2].lstrip()
    found = [(len(name), token) for token, name in text.control_tokens.items() if after.startswith(name)]
    return {max(found)[1]} if found else set()
