"""Tensors that a folder holds and that its model does not read."""

from __future__ import annotations

import re
from collections.abc import Sequence

#: Values that transformers' earlier versions stored, which are computed from the configuration.
_COMPUTED = re.compile(r".*(rotary_emb\.inv_freq|rotary_emb\.(cos|sin)_cached|masked_bias|attn\.bias|attention\.bias|position_ids)")


def unused_tensors(names: Sequence[str]) -> list[str]:
    """What to say of tensors that take no part in what is computed; of those that were computed once, nothing."""
    unused = [name for name in names if not _COMPUTED.fullmatch(name)]
    if not unused:
        return []
    more = f" and {len(unused) - 3} more" if len(unused) > 3 else ""
    shown = ", ".join(map(repr, unused[:3]))
    return [f"its tensors {shown}{more} take no part: the architecture that config.json names has none of that name"]
