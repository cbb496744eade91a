"""An analyser that knows a few words, for tests of what is built on it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from foretell.rules.analysis.base import Analyser, FailedError, LateError, check_offset
from foretell.rules.analysis.python_lexing import dereferences

KNOWN = {"x": ("get", "get_all", "y"), "y": ("x", "über", "_p"), "late": (), "broken": (), "z": ("a", "ab")}


@dataclass(frozen=True)
class FakeAnalyser(Analyser):
    """names: attributes of the word before the dot; of others nothing is known. asked: how often each text was."""

    names: dict = field(default_factory=lambda: KNOWN)
    asked: Counter = field(default_factory=Counter)

    def asks(self, text):
        return dereferences(text)

    def ends_name(self, char):
        return char.isascii() and not f"a{char}".isidentifier()

    def complete(self, path, text, offset):
        check_offset(text, offset)
        self.asked[text[:offset]] += 1
        word = re.search(r"(\w*)\.\Z", text[:offset])[1]
        if word == "late":
            raise LateError("late")
        if word == "broken":
            raise FailedError("broken")
        return self.names.get(word, ())
