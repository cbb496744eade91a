"""The tokens that a monitor allows at one position, split by whether they continue behind a dot of their own."""

from __future__ import annotations

from foretell.decoding.token_set import TokenSet
from foretell.models.vocabulary import Vocabulary


class MonitorMask:
    """An allowed token set in two parts.

    doubtful: tokens with text behind a dot, such as ".append"; each needs an analysis. sure: the others. continues: whether a token of
    `sure` does not end the text.
    """

    def __init__(self, tokens: TokenSet, vocabulary: Vocabulary) -> None:
        self.doubtful = tokens & vocabulary.derive(tokens_past_a_dot)
        self.sure = tokens - self.doubtful
        self.continues = bool(self.sure - TokenSet.of(vocabulary.stop_tokens, vocabulary.size))


def unrestricted_mask(vocabulary: Vocabulary) -> MonitorMask:
    """The mask of a position at which nothing is restricted."""
    return MonitorMask(TokenSet.everything(vocabulary.size), vocabulary)


def tokens_past_a_dot(vocabulary: Vocabulary) -> TokenSet:
    """The tokens that have a dot before their last byte."""
    return TokenSet.of((token for token, data in enumerate(vocabulary.tokens) if data and b"." in data[:-1]), vocabulary.size)
