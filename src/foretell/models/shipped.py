"""Small models that come inside the package, each a folder of `foretell/data/models` with a card that says how it was made."""

from __future__ import annotations

from pathlib import Path

CARD = "CARD.md"


def shipped() -> dict[str, Path]:
    """Folder by name.

    >>> "stdlib-nested" in shipped()
    True
    """
    folder = Path(__file__).parent.parent / "data" / "models"
    return {path.parent.name: path.parent for path in sorted(folder.glob("*/config.json"))}
