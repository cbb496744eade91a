"""How much of a schema the engine is asked to compile, and what to spare it when it gives up."""

from __future__ import annotations

from dataclasses import dataclass, replace

#: What an error of the engine is about, by words in it.
_COMPLAINTS = {"disjoint": "patterns", "maxProperties": "counts", "circular": "siblings", "stack level": "siblings"}


@dataclass(frozen=True)
class Effort:
    """How much is asked of the engine. splits: most alternatives that one subschema is rewritten into. counts: bounds on the number of
    properties. patterns: of properties. siblings: what stands beside references. strings: patterns, formats and lengths. choices:
    `anyOf` and `oneOf`."""

    splits: int = 32
    counts: bool = True
    patterns: bool = True
    siblings: bool = True
    strings: bool = True
    choices: bool = True

    def less(self, error: str) -> Effort | None:
        """Asking less of the engine after this error, if possible of what it complains about; None where nothing is left to spare."""
        about = [name for words, name in _COMPLAINTS.items() if words in error]
        for name in (*about, "splits", "counts", "patterns", "siblings", "strings", "choices"):
            if getattr(self, name):
                return replace(self, splits=self.splits // 4) if name == "splits" else replace(self, **{name: False})
        return None
