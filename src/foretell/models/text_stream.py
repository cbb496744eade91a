"""Decoding a stream of tokens without ever showing half a character."""

from __future__ import annotations

from collections.abc import Callable, Sequence

_MARK = "\ufffd"  # what bytes that are no character decode to


class TextStream:
    """Decodes token by token; the pieces joined are the whole text, and none ends inside a character.

    Bytes that may still become a character are held back until it is complete, or until `finish`.
    """

    def __init__(self, decode: Callable[[list[int]], str], context: Sequence[int] = ()) -> None:
        self._decode_ids = decode
        self._window = self._tail(list(context))
        self._sent = _certain(self._decode())
        self._held = 0

    def push(self, *ids: int) -> str:
        """The text that has become certain by these tokens, perhaps none."""
        return "".join(map(self._push, ids))

    def finish(self) -> str:
        """What was still held back."""
        piece = self._decode()[self._sent :]
        self._sent += len(piece)
        return piece

    def _push(self, token: int) -> str:
        self._window.append(token)
        self._held += 1
        whole = self._decode()
        # A character has at most four bytes, so marks that stay longer are no unfinished character but broken text. Until
        # then nothing is certain: some decoders show a whole run of characters as marks while its last one is unfinished.
        if whole.endswith(_MARK) and self._held < 4:
            return ""
        certain = _certain(whole)
        piece = whole[self._sent : certain]
        self._sent = max(self._sent, certain)
        if certain == len(whole):
            self._held = 0
            if len(self._window) > 32:
                self._window = self._tail(self._window)
                self._sent = len(self._decode())
        return piece

    def _decode(self) -> str:
        return self._decode_ids(self._window)

    def _tail(self, ids: list[int]) -> list[int]:
        """The last few tokens: context for decoders that treat the first token of a text differently.

        Of the possible beginnings the one that shows the fewest marks, because it cuts no character in two.
        """
        tails = [ids[-length:] for length in range(8, 16)]
        return min(tails, key=lambda tail: self._decode_ids(tail).count(_MARK))


def _certain(text: str) -> int:
    """How much of a decoded text can no longer change: an unfinished character shows as up to three marks at its end."""
    marks = len(text) - len(text.rstrip(_MARK))
    return len(text) - min(3, marks)
