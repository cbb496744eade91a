"""Numbers and nouns in English."""

from __future__ import annotations


def counted(num: int, noun: str, plural: str = "") -> str:
    """A number and a noun, in the plural unless the number is 1. plural: of the noun, where it is not made with an s.

    >>> counted(1, "prompt"), counted(3, "prompt"), counted(2, "batch", "batches")
    ('1 prompt', '3 prompts', '2 batches')
    """
    return f"{num:,} {noun if num == 1 else plural or noun + 's'}"


def with_article(noun: str) -> str:
    """A noun with "a" or "an", by its first letter.

    >>> with_article("estimator"), with_article("drafter"), with_article("int")
    ('an estimator', 'a drafter', 'an int')
    """
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"
