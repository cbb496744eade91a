"""Tensors that a folder holds and that its model does not read."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path

#: Values that transformers' earlier versions stored, which are computed from the configuration.
_COMPUTED = re.compile(r".*(rotary_emb\.inv_freq|rotary_emb\.(cos|sin)_cached|masked_bias|attn\.bias|attention\.bias|position_ids)")


def warn_of_unused_tensors(source: Path, names: Sequence[str]) -> None:
    """Warn where tensors take no part in what is computed; of those that were computed once, nothing is said."""
    unused = [name for name in names if not _COMPUTED.fullmatch(name)]
    if unused:
        more = f" and {len(unused) - 3} more" if len(unused) > 3 else ""
        warnings.warn(
            f"{source}: its tensors {', '.join(map(repr, unused[:3]))}{more} take no part: the architecture that config.json names has "
            "none of that name",
            stacklevel=2,
        )
