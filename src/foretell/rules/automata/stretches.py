"""The spans of a text in a model's tokens: where they may begin and end."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from foretell.models.vocabulary import Vocabulary
from foretell.rules.automata.token_trie import BREAK


@dataclass
class Stretches:
    """tokens: the text's, or several tokenisations of its parts, with BREAK between them and for what the model cannot write.
    starts, ends: from a place among the tokens to the character where a span that begins, or ends, there does."""

    tokens: list[int] = field(default_factory=list)
    starts: dict[int, int] = field(default_factory=dict)
    ends: dict[int, int] = field(default_factory=dict)


def own_tokens(text: str, vocabulary: Vocabulary, words: bool = True) -> Stretches:
    """Spans in the tokenisation of the whole text. words: only those that cut no word. The white space that tokens begin with is
    no part of a span, so two places may start the same one."""
    found = Stretches()
    character = {len(text[:i].encode()): i for i in range(len(text) + 1)} if not text.isascii() else None
    offset = 0
    for place, (token, data) in enumerate(_encoded(text, vocabulary)):
        at = offset if character is None else character.get(offset)
        if at is not None:
            begin = next((i for i in range(at, len(text)) if not text[i].isspace()), len(text))
            if begin < len(text) and may_cut(text, begin, words):
                found.starts[place] = begin
            if place and not text[at - 1].isspace() and may_cut(text, at, words):
                found.ends[place] = at
        found.tokens.append(token)
        offset += len(data)
    if not text[-1].isspace():
        found.ends[len(found.tokens)] = len(text)
    return found


def anew_tokens(text: str, vocabulary: Vocabulary, lead: str, max_tokens: int | None = None, words: bool = True) -> Stretches:
    """Each span tokenised for itself, behind `lead`. Of the tokenisations of all spans with one beginning, those that are the
    beginning of the longest one's are that one's; the others are rows of their own."""
    found = Stretches()
    space = len(lead.encode())
    for begin in range(len(text)):
        if text[begin].isspace() or not may_cut(text, begin, words):
            continue
        runs = re.compile(r"\S+").finditer(text, begin)  # a token holds no more than one of them
        reach = begin
        for num, run in enumerate(runs):
            if num == max_tokens:
                break
            reach = run.end()
        ends = [i for i in range(begin + 1, reach + 1) if not text[i - 1].isspace() and may_cut(text, i, words)]
        row = _encoded(lead + text[begin:reach], vocabulary)
        places = {0: 0}
        for place, (_, data) in enumerate(row):
            places[max(places) + len(data)] = place + 1
        first = len(found.tokens)
        found.starts[first] = begin
        found.tokens += [token for token, _ in row] + [BREAK]
        for end in ends:
            place_of = places.get(space + len(text[begin:end].encode()))
            if place_of is not None:
                found.ends[first + place_of] = end
                continue
            alone = _encoded(lead + text[begin:end], vocabulary)
            if max_tokens is None or len(alone) <= max_tokens:
                found.starts[len(found.tokens)] = begin
                found.tokens += [token for token, _ in alone]
                found.ends[len(found.tokens)] = end
                found.tokens.append(BREAK)
    return found


def may_cut(text: str, at: int, words: bool = True) -> bool:
    """Whether a span may begin or end before character `at`: that is, unless `words`, or a word or number goes on there."""
    return not words or not 0 < at < len(text) or not (text[at - 1].isalnum() and text[at].isalnum())


def _encoded(text: str, vocabulary: Vocabulary) -> list[tuple[int, bytes]]:
    """Tokens with the bytes that they write; BREAK for tokens that the vocabulary's texts cannot hold, such as its stop tokens."""
    tokenizer = vocabulary.tokenizer
    spelling = vocabulary if tokenizer is None else Vocabulary(tokenizer.token_bytes, frozenset(), tokenizer)
    return [
        (token if token < vocabulary.size and vocabulary.tokens[token] is not None else BREAK, spelling.tokens[token] or b"")
        for token in spelling.encode(text)
    ]
