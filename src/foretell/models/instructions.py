"""Instructions of ours in a chat: in the system message, or in the first user turn where the template has no such role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from foretell.errors import UserError
from foretell.models.text import Text

_MARK = "instructions go here"


def with_instructions(messages: Sequence[Mapping[str, Any]], instructions: str, text: Text) -> list[dict[str, Any]]:
    """The messages with the instructions in them: behind the system message that is there, or in one of their own, where the chat template
    writes it; else before the first message of the user."""
    chat = [dict(message) for message in messages]
    if takes_system(text):
        if chat[0]["role"] in ("system", "developer"):
            chat[0]["content"] = f"{chat[0]['content']}\n\n{instructions}"
            return chat
        return [{"role": "system", "content": instructions}, *chat]
    user = next((message for message in chat if message["role"] == "user"), None)
    if user is None:
        raise UserError("prompt: the chat has no user message, and the model's chat template no system role, for the instructions; add one")
    user["content"] = f"{instructions}\n\n{user['content']}"
    return chat


def takes_system(text: Text) -> bool:
    """Whether the chat template writes a system message; True without a template."""
    if text.chat_template is None:
        return True
    try:
        return _MARK in text.render([{"role": "system", "content": _MARK}, {"role": "user", "content": "?"}])
    except UserError:
        return False
