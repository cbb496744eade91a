"""Decoding tokens one after the other, without ever showing half a character."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence

#: Tokens of the text before a stream that may hold the beginning of its first character.
_NUM_CONTEXT = 8


class TextStream:
    """The text of tokens that come one by one; the pieces joined are the whole text, and none ends inside a character.

    Bytes that may still become a character are held back until it is complete, or until `finish`. Bytes that are no character are shown
    as one mark (U+FFFD) each run, as `bytes.decode(errors="replace")` shows them.

    written: the bytes of a token, none for what is not shown. context: tokens before the text; their text is not repeated, but they may
    end inside a character. drops_first_space, drops_last_space: as in `TokenBytes`, for a text without context.
    """

    def __init__(
        self,
        written: Callable[[int], bytes],
        context: Sequence[int] = (),
        drops_first_space: bool = False,
        drops_last_space: bool = False,
    ) -> None:
        self._written = written
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._decoder.decode(b"".join(map(written, context[-_NUM_CONTEXT:])))
        self._at_start, self._holds_spaces = drops_first_space and not len(context), drops_last_space and not len(context)
        self._space = ""

    def push(self, *ids: int) -> str:
        """The text that has become certain by these tokens, perhaps none."""
        return self._shown(self._decoder.decode(b"".join(map(self._written, ids))))

    def finish(self) -> str:
        """What was still held back."""
        return self._shown(self._decoder.decode(b"", final=True))

    def _shown(self, piece: str) -> str:
        if self._at_start and piece:
            self._at_start, piece = False, piece.removeprefix(" ")
        if self._holds_spaces and piece:
            piece, self._space = self._space + piece, ""
            if piece.endswith(" "):
                piece, self._space = piece[:-1], " "
        return piece
