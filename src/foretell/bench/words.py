"""Numbers with their nouns."""

from __future__ import annotations


def counted(num: int, noun: str) -> str:
    """A number and a noun, in the plural unless the number is 1.

    >>> counted(1, "prompt"), counted(3, "prompt")
    ('1 prompt', '3 prompts')
    """
    return f"{num} {noun}" if num == 1 else f"{num} {noun}s"
