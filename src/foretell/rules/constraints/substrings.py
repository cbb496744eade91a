"""Spans of a passage: the text is copied from it, as in extractive question answering."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from foretell.decoding.constraint import Constraint, ConstraintState, EndedState, not_allowed_error
from foretell.decoding.token_set import TokenSet
from foretell.errors import UserError
from foretell.models.vocabulary import Vocabulary
from foretell.parts import require
from foretell.rules.automata.span_trie import SpanNode, SpanTrie, TokenizedSpans, retokenized_spans, spans_of_tokenization


@dataclass(frozen=True)
class Substrings(Constraint["PassageSpans"]):
    """The whole text is a span of `passage` that cuts no word or number, up to white space.

    max_tokens: the longest span, None for any. retokenize: False takes the tokens of the passage itself, as the paper does; True
    tokenizes each span by itself, behind a space unless the prompt ends in white space or a control token, and so has spans that begin
    or end within a token of the passage. words: False lets spans begin and end at any token, for scripts without spaces between words.
    Spans contain no stop tokens: if a line break is one, spans lie within a line.

    Guarantee: the model's distribution restricted step by step; exact verifiers keep it. Needs: the bytes of each token. Cost: one
    tokenization of the passage (with `retokenize` one of each word), then some microseconds a token and occurrence. State: all
    occurrences of the text in the passage.

    Castel et al., "How Optimal is Greedy Decoding for Extractive Question Answering?", section 3. Departures: spans respect words;
    several tokens may end one.
    Errors: UserError for a passage without text, or one that tokens cannot spell; for max_tokens below 1, or below the shortest span.

    >>> vocabulary = Vocabulary((b"red", b" lamp", b"s", b" red", None), frozenset({4}))
    >>> state = Substrings("red lamps red lamp").start(vocabulary)
    >>> state.allowed().ids.tolist(), state.advance(1).advance(2).spans
    ([0, 1, 3], [(4, 9)])
    """

    papers = ("exact-extract",)

    passage: str
    max_tokens: int | None = None
    retokenize: bool = False
    words: bool = True

    def __post_init__(self) -> None:
        has_text = isinstance(self.passage, str) and bool(self.passage.strip())
        require(has_text, self, "passage", self.passage, "must be a text that is not empty")
        is_limit = self.max_tokens is None or self.max_tokens >= 1
        require(is_limit, self, "max_tokens", self.max_tokens, "must be at least 1, or None for spans of any length")

    @classmethod
    def examples(cls) -> list[Substrings]:
        return [cls("abba", words=False), cls("aab", max_tokens=2, retokenize=True, words=False)]

    def remember(self, vocabulary: Vocabulary) -> PassageSpans:
        memory = PassageSpans(self, vocabulary)
        try:
            trie = memory.after_space if self.retokenize else memory.of_passage
        except ValueError as error:
            raise UserError(f"Substrings: passage={self.passage[:40]!r} cannot be spelt by the model's tokens: {error}") from error
        if not trie.root.children:
            shortest = "the shortest span" if self.max_tokens is not None else "what the model's tokens can spell"
            raise UserError(f"Substrings: max_tokens={self.max_tokens!r} leaves no span of the passage; it is below {shortest}")
        return memory

    def begin(self, memory: PassageSpans, prompt: Sequence[int] = ()) -> ConstraintState:
        if not self.retokenize:
            return SpanState(memory, memory.of_passage.root)
        before = memory.vocabulary.tokens[prompt[-1]] if len(prompt) else b""
        return SpanState(memory, (memory.after_space if before and not before[-1:].isspace() else memory.without_space).root)


class PassageSpans:
    """The spans of a passage for one vocabulary; each trie is built when it is first needed."""

    def __init__(self, settings: Substrings, vocabulary: Vocabulary) -> None:
        self.settings, self.vocabulary = settings, vocabulary

    @cached_property
    def of_passage(self) -> SpanTrie:
        """The spans in the passage's own tokenization."""
        return self._trie(spans_of_tokenization(self.settings.passage, self.vocabulary, self.settings.words))

    @cached_property
    def after_space(self) -> SpanTrie:
        """The spans, each tokenized behind a space."""
        try:
            self.vocabulary.encode(" ")
        except ValueError:  # a vocabulary without spaces
            return self.without_space
        return self._retokenized(" ")

    @cached_property
    def without_space(self) -> SpanTrie:
        """The spans, each tokenized by itself."""
        return self._retokenized("")

    def _retokenized(self, lead: str) -> SpanTrie:
        settings = self.settings
        return self._trie(retokenized_spans(settings.passage, self.vocabulary, lead, settings.max_tokens, settings.words))

    def _trie(self, spans: TokenizedSpans) -> SpanTrie:
        return SpanTrie(spans, self.settings.max_tokens)


class SpanState(ConstraintState):
    """The position of a text in a passage: a node of the trie of its spans."""

    def __init__(self, memory: PassageSpans, node: SpanNode) -> None:
        self.memory, self.vocabulary, self.node = memory, memory.vocabulary, node

    @cached_property
    def _allowed(self) -> TokenSet:
        stops = self.vocabulary.stop_tokens if self.node.is_end else ()
        return TokenSet.of([*self.node.children, *stops], self.vocabulary.size)

    def allowed(self) -> TokenSet:
        return self._allowed

    def accepts(self, token: int) -> bool:
        return token in self.node.children or (self.node.is_end and token in self.vocabulary.stop_tokens)

    def advance(self, token: int) -> ConstraintState:
        if token in self.node.children:
            return SpanState(self.memory, self.node.children[token])
        if self.node.is_end and token in self.vocabulary.stop_tokens:
            return EndedState(self.vocabulary)
        raise not_allowed_error(self, token)

    @property
    def spans(self) -> list[tuple[int, int]]:
        """(start, end) character offsets of all spans of the passage that are the text, in order."""
        spans = self.node.trie.spans
        return sorted({(spans.starts[first], spans.ends[last]) for first, last in self.node.occurrences})
