"""Spans of a passage: the text is copied from it, as extractive question answering wants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from foretell.decoding.constraint import Constraint, Ended, State, refuse
from foretell.decoding.token_set import TokenSet
from foretell.errors import UserError
from foretell.models.vocabulary import Vocabulary
from foretell.parts import require
from foretell.rules.automata.stretches import Stretches, anew_tokens, own_tokens
from foretell.rules.automata.token_trie import TokenTrie, TrieNode


@dataclass(frozen=True)
class Substrings(Constraint):
    """The whole text is a span of `passage` that cuts no word or number, and may be told apart from it by white space only.

    max_tokens: the longest span, None for any. retokenize: False takes the tokens of the passage itself, as the paper does; True
    tokenises each span anew, behind a space unless the prompt ends in white space or a control token, and so finds spans that
    begin or end within one of the passage's tokens. words: False lets spans begin and end at any token, for scripts that put no
    spaces between words. Tokens that end a text are in no span: with a line break among them, spans lie in one line.

    Guarantee: the model's distribution restricted step by step; exact verifiers keep it. Needs: what each token writes. Cost: one
    tokenisation of the passage (with `retokenize` one a word), then some microseconds a token and occurrence. State: where the text stands
    in the passage, all occurrences together.

    Castel et al., "How Optimal is Greedy Decoding for Extractive Question Answering?", section 3. Departures: spans respect words;
    several tokens may end one.
    Errors: ValueError for a passage without text, or one that no token writes; max_tokens below 1, or below the shortest span.

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
        full = isinstance(self.passage, str) and bool(self.passage.strip())
        require(full, self, "passage", self.passage, "must be a text that is not empty")
        fits = self.max_tokens is None or self.max_tokens >= 1
        require(fits, self, "max_tokens", self.max_tokens, "must be at least 1, or None for spans of any length")

    @classmethod
    def examples(cls) -> list[Substrings]:
        return [cls("abba", words=False), cls("aab", max_tokens=2, retokenize=True, words=False)]

    def remember(self, vocabulary: Vocabulary) -> Spans:
        spans = Spans(self, vocabulary)
        try:
            walk = spans.behind_space if self.retokenize else spans.own
        except ValueError as error:
            raise UserError(f"Substrings: passage={self.passage[:40]!r} cannot be written by the model: {error}") from error
        if not walk.trie.root.children:
            what = "the shortest span's tokens" if self.max_tokens is not None else "what the model can write"
            raise UserError(f"Substrings: max_tokens={self.max_tokens!r} leaves no span of the passage; it is below {what}")
        return spans

    def begin(self, memory: Spans, prompt: Sequence[int] = ()) -> State:
        if not self.retokenize:
            return SpanState(memory.own)
        before = memory.vocabulary.tokens[prompt[-1]] if len(prompt) else b""
        return SpanState(memory.behind_space if before and not before[-1:].isspace() else memory.at_once)


class Spans:
    """A passage's spans with a vocabulary, made when first asked for: in its own tokens, or anew."""

    def __init__(self, settings: Substrings, vocabulary: Vocabulary) -> None:
        self.settings, self.vocabulary = settings, vocabulary

    @cached_property
    def own(self) -> Walk:
        return Walk(own_tokens(self.settings.passage, self.vocabulary, self.settings.words), self)

    @cached_property
    def behind_space(self) -> Walk:
        try:
            self.vocabulary.encode(" ")
        except ValueError:  # tokens that are no text of words
            return self.at_once
        return self._anew(" ")

    @cached_property
    def at_once(self) -> Walk:
        return self._anew("")

    def _anew(self, lead: str) -> Walk:
        settings = self.settings
        return Walk(anew_tokens(settings.passage, self.vocabulary, lead, settings.max_tokens, settings.words), self)


class Walk:
    """A trie of spans, and the characters that its places stand for."""

    def __init__(self, stretches: Stretches, spans: Spans) -> None:
        self.stretches, self.vocabulary = stretches, spans.vocabulary
        self.trie = TokenTrie(stretches.tokens, stretches.starts, stretches.ends, spans.settings.max_tokens)


class SpanState(State):
    """A node of the trie."""

    def __init__(self, walk: Walk, node: TrieNode | None = None) -> None:
        self.walk, self.vocabulary = walk, walk.vocabulary
        self.node = walk.trie.root if node is None else node

    @cached_property
    def _allowed(self) -> TokenSet:
        stops = self.vocabulary.stop_tokens if self.node.is_end else ()
        return TokenSet.of([*self.node.children, *stops], self.vocabulary.size)

    def allowed(self) -> TokenSet:
        return self._allowed

    def accepts(self, token: int) -> bool:
        return token in self.node.children or (self.node.is_end and token in self.vocabulary.stop_tokens)

    def advance(self, token: int) -> State:
        if token in self.node.children:
            return SpanState(self.walk, self.node.children[token])
        if self.node.is_end and token in self.vocabulary.stop_tokens:
            return Ended(self.vocabulary)
        raise refuse(self, token)

    @property
    def spans(self) -> list[tuple[int, int]]:
        """(start, end) in characters of all spans of the passage that the text is, first one first."""
        stretches = self.walk.stretches
        return sorted({(stretches.starts[first], stretches.ends[last]) for first, last in self.node.occurrences})
