"""An analyser that knows a few words, for tests of what is built on it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from foretell.rules.analysis.analyser import Analyser, AnalysisFailedError, AnalysisTimeoutError, check_offset
from foretell.rules.analysis.python_lexing import is_dereference

KNOWN = {"x": ("get", "get_all", "y"), "y": ("x", "über", "_p"), "late": (), "broken": (), "z": ("a", "ab")}


@dataclass(frozen=True)
class FakeAnalyser(Analyser):
    """names: attributes of the word before the dot; of others nothing is known. asked: how often each text was."""

    names: dict = field(default_factory=lambda: KNOWN)
    asked: Counter = field(default_factory=Counter)

    def is_dereference(self, text):
        return is_dereference(text)

    def is_delimiter(self, char):
        return char.isascii() and not f"a{char}".isidentifier()

    def complete(self, path, text, offset):
        check_offset(text, offset)
        self.asked[text[:offset]] += 1
        word = re.search(r"(\w*)\.\Z", text[:offset])[1]
        if word == "late":
            raise AnalysisTimeoutError("late")
        if word == "broken":
            raise AnalysisFailedError("broken")
        return self.names.get(word, ())
