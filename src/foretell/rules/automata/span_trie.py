"""The spans of a text as token sequences, and a trie of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property

from foretell.models.vocabulary import Vocabulary

#: Stands in a token sequence where no span may pass.
BREAK = -1
_NEVER = 1 << 60


@dataclass
class TokenizedSpans:
    """Spans of a text within token sequences.

    tokens: token ids of the text, or of tokenizations of its parts, with BREAK between them and in place of tokens that the model cannot
    generate. starts, ends: index in `tokens` to the character offset at which a span that starts, or ends, there does so in the text.
    """

    tokens: list[int] = field(default_factory=list)
    starts: dict[int, int] = field(default_factory=dict)
    ends: dict[int, int] = field(default_factory=dict)


def spans_of_tokenization(text: str, vocabulary: Vocabulary, words: bool = True) -> TokenizedSpans:
    """The spans in the tokenization of the whole text. words: only those that cut no word.

    White space at the beginning of a token does not belong to a span, so two indices may start the same span.
    """
    spans = TokenizedSpans()
    offsets = {len(text[:i].encode()): i for i in range(len(text) + 1)} if not text.isascii() else None
    num_bytes = 0
    for index, (token, data) in enumerate(_encoded(text, vocabulary)):
        at = num_bytes if offsets is None else offsets.get(num_bytes)
        if at is not None:
            begin = next((i for i in range(at, len(text)) if not text[i].isspace()), len(text))
            if begin < len(text) and is_span_boundary(text, begin, words):
                spans.starts[index] = begin
            if index and not text[at - 1].isspace() and is_span_boundary(text, at, words):
                spans.ends[index] = at
        spans.tokens.append(token)
        num_bytes += len(data)
    if not text[-1].isspace():
        spans.ends[len(spans.tokens)] = len(text)
    return spans


def retokenized_spans(text: str, vocabulary: Vocabulary, lead: str, max_tokens: int | None = None, words: bool = True) -> TokenizedSpans:
    """Each span tokenized by itself, behind the text `lead`.

    Spans with one beginning share a row of tokens as far as their tokenizations are prefixes of the longest one's; others get a row of
    their own. max_tokens: the longest span, None for any.
    """
    spans = TokenizedSpans()
    num_lead = len(lead.encode())
    for begin in range(len(text)):
        if text[begin].isspace() or not is_span_boundary(text, begin, words):
            continue
        runs = re.compile(r"\S+").finditer(text, begin)  # a token has the letters of one run at most
        limit = begin
        for num, run in enumerate(runs):
            if num == max_tokens:
                break
            limit = run.end()
        ends = [i for i in range(begin + 1, limit + 1) if not text[i - 1].isspace() and is_span_boundary(text, i, words)]
        row = _encoded(lead + text[begin:limit], vocabulary)
        num_tokens_at = {0: 0}  # by number of bytes
        for num, (_, data) in enumerate(row):
            num_tokens_at[max(num_tokens_at) + len(data)] = num + 1
        first = len(spans.tokens)
        spans.starts[first] = begin
        spans.tokens += [token for token, _ in row] + [BREAK]
        for end in ends:
            num_tokens = num_tokens_at.get(num_lead + len(text[begin:end].encode()))
            if num_tokens is not None:
                spans.ends[first + num_tokens] = end
                continue
            own_row = _encoded(lead + text[begin:end], vocabulary)
            if max_tokens is None or len(own_row) <= max_tokens:
                spans.starts[len(spans.tokens)] = begin
                spans.tokens += [token for token, _ in own_row]
                spans.ends[len(spans.tokens)] = end
                spans.tokens.append(BREAK)
    return spans


def is_span_boundary(text: str, index: int, words: bool = True) -> bool:
    """Whether a span may begin or end before character `index`: everywhere, or with `words` where no word or number is cut."""
    return not words or not 0 < index < len(text) or not (text[index - 1].isalnum() and text[index].isalnum())


def _encoded(text: str, vocabulary: Vocabulary) -> list[tuple[int, bytes]]:
    """(token, its bytes) of a text; BREAK for tokens that may not be generated, such as stop tokens."""
    tokenizer = vocabulary.tokenizer
    unrestricted = vocabulary if tokenizer is None else Vocabulary(tokenizer.token_bytes, frozenset(), tokenizer)
    return [
        (token if token < vocabulary.size and vocabulary.tokens[token] is not None else BREAK, unrestricted.tokens[token] or b"")
        for token in unrestricted.encode(text)
    ]


class SpanTrie:
    """The trie of all spans that pass no BREAK and have at most `max_tokens` tokens; None for any number.

    A node is a prefix of such spans, with all its occurrences; prefixes of no span are left out. Nodes are made when they are visited, so
    the memory is that of the sequence and the visited nodes. A suffix automaton would also share nodes after different prefixes, but
    their next tokens have different probabilities.

    >>> root = SpanTrie(TokenizedSpans([5, 6, 5, 7], starts={0: 0, 2: 2}, ends={1: 1, 2: 2, 4: 4})).root
    >>> list(root.children), root.children[5].positions, root.children[5].is_end
    ([5], [1, 3], True)
    >>> sorted(root.children[5].children), root.num_nodes
    ([6, 7], 6)
    """

    def __init__(self, spans: TokenizedSpans, max_tokens: int | None = None) -> None:
        self.spans, self.tokens = spans, [*spans.tokens, BREAK]
        self.max_tokens = len(spans.tokens) if max_tokens is None else max_tokens
        self.next_end = [_NEVER] * (len(self.tokens) + 1)  # by index: the first end from there on without a BREAK before it
        for index in reversed(range(len(self.tokens))):
            further = _NEVER if self.tokens[index] == BREAK else self.next_end[index + 1]
            self.next_end[index] = index if index in spans.ends else further
        self.root = SpanNode(self, sorted(spans.starts), 0)


class SpanNode:
    """A prefix of spans. positions: for each occurrence, in order, the index of the token after it. depth: its number of tokens."""

    def __init__(self, trie: SpanTrie, positions: list[int], depth: int) -> None:
        self.trie, self.positions, self.depth = trie, positions, depth

    @cached_property
    def children(self) -> dict[int, SpanNode]:
        """By token, in the order of first occurrence."""
        trie = self.trie
        positions: dict[int, list[int]] = {}
        for index in self.positions:
            token, after = trie.tokens[index], index + 1
            if token != BREAK and trie.next_end[after] - after + self.depth + 1 <= trie.max_tokens:
                positions.setdefault(token, []).append(after)
        return {token: SpanNode(trie, after, self.depth + 1) for token, after in positions.items()}

    @property
    def occurrences(self) -> list[tuple[int, int]]:
        """(first, last + 1) token indices of the spans that end here."""
        return [(index - self.depth, index) for index in self.positions if self.depth and index in self.trie.spans.ends]

    @cached_property
    def is_end(self) -> bool:
        """Whether a span ends here."""
        return bool(self.occurrences)

    @property
    def num_nodes(self) -> int:
        """The number of nodes from here on, this one included; visits them all."""
        num, level = 0, [self]
        while level:
            num += len(level)
            level = [child for node in level for child in node.children.values()]
        return num
