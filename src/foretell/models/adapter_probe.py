"""A short random text through a wrapped model, once as the library reads it and once as a tree: the rows must be the same.

A family may take masks, positions or caches and not honour them. Then drafted text would differ from plain text, so such a model is refused
when it is loaded.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from foretell.models.adapter_windows import misfit
from foretell.models.base import Feed, Model
from foretell.models.rope import switch_length

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Rows committed first, rows of the trunk behind them, rows of the branch, and the window that longer windows are made for the probe.
_KEPT, _TRUNK, _BRANCH, _WINDOW = 6, 7, 3, 4
#: How far rows may lie apart, as a part of their spread.
_CLOSE = {torch.float64: 1e-4, torch.float32: 2e-3}
_ROUGHLY = 0.3


def check_rows(wrapped: Model, network: Any) -> None:
    """UserError where the rows of a tree are not those of its texts. wrapped: the `TransformersModel` of `network`."""
    name, config = type(network).__name__, network.config.get_text_config()
    length = min(_KEPT + _TRUNK, wrapped.max_length, switch_length(config) or _KEPT + _TRUNK)  # longer texts have other frequencies
    if length < 4:
        return
    text = _random_text(wrapped.vocab_size, config, length + _BRANCH)
    _compare(wrapped, network, text, length, name, "positions, masks or caches are not honoured")
    with _short_window(wrapped, config) as shortened:
        if shortened:
            _compare(wrapped, network, text, length, name, "sliding windows are read in another way")
    if wrapped.max_length < 1 << 20:  # a table of positions must reach to the end
        wrapped.forward([Feed(None, text[:1], positions=[wrapped.max_length - 1])])


def _compare(wrapped: Model, network: Any, text: Sequence[int], length: int, name: str, reason: str) -> None:
    kept = min(_KEPT, length - 3)
    fork = kept + 1  # the branch hangs on the second row of the trunk
    trunk, branch = text[:length], [*text[: fork + 1], *text[length : length + min(_BRANCH, length - fork - 1)]]
    expected = torch.cat([_plain(network, trunk)[kept:], _plain(network, branch)[fork + 1 :]])
    cache = wrapped.new_cache()
    wrapped.forward([Feed(cache, trunk[:kept], num_logits=0)])
    cache.keep(range(kept))
    first = length - kept
    parents = [*range(-1, first - 1), 1, *range(first, first + len(branch) - fork - 2)]
    found = wrapped.forward([Feed(cache, [*trunk[kept:], *branch[fork + 1 :]], parents)])[0].logits
    spread = (expected - expected.mean(-1, keepdim=True)).abs().amax(-1)
    apart = (found - expected).abs().amax(-1) / spread.clamp_min(1e-6)
    close = _CLOSE.get(network.dtype)
    if not bool(torch.isfinite(found).all()) or (float(apart.max()) > close if close else float(apart.median()) > _ROUGHLY):
        raise misfit(name, f"{reason}: rows of a token tree differ from those of its texts by {float(apart.max()):.0%} of their spread")


def _plain(network: Any, text: Sequence[int]) -> Tensor:
    with torch.no_grad():
        return network(input_ids=torch.tensor([list(text)], device=network.device), use_cache=False).logits[0].float()


def _random_text(vocab_size: int, config: Any, length: int) -> list[int]:
    special = {value for key, value in vars(config).items() if key.endswith("token_id") and isinstance(value, int)}
    usual = [token for token in range(min(vocab_size, 1000)) if token not in special] or [0]
    order = torch.randint(len(usual), (length,), generator=torch.Generator().manual_seed(0))
    return [usual[int(i)] for i in order]


@contextlib.contextmanager
def _short_window(wrapped: Any, config: Any) -> Iterator[bool]:
    """Both sides with a window shorter than the text, where they have a longer one; yields whether they have."""
    window, ours = getattr(config, "sliding_window", None) or 0, wrapped.windows
    if window <= _WINDOW or not ours:
        yield False
        return

    def short(each: int) -> int:
        return _WINDOW if each == window else each

    shortened = {kind: short(each) for kind, each in ours.items()} if isinstance(ours, dict) else short(ours)
    config.sliding_window, wrapped.windows = _WINDOW, shortened
    try:
        yield True
    finally:
        config.sliding_window, wrapped.windows = window, ours
