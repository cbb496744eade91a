"""Monitor-guided decoding: names after a dot are names that a static analysis of the project finds there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foretell.decoding.constraint import Constraint, State
from foretell.errors import UserError
from foretell.models.vocabulary import Vocabulary
from foretell.parts import require
from foretell.rules.analysis.answers import Answers
from foretell.rules.analysis.jedi_analyser import JediAnalyser
from foretell.rules.analysis.monitor_state import MonitorState
from foretell.rules.analysis.run import Run


@dataclass(frozen=True)
class Monitor(Constraint):
    """Code whose names after a dot exist: an analyser that knows the whole project is asked at each dot. All else is free.

    project: the folder of the code, or None for what is installed only. path: the file that is being written, within the project; it
    need not be there yet, and what the disk holds of it does not count. before: the code that the new text continues, or None where
    that is the prompt itself; a chat must say it. after: the code behind the new text. own: whether attributes of `self` and `cls`
    must exist too, for a class that is all there, before the new text or behind it. budget: seconds of an analysis, after which that
    dot is left free.

    Names are forced only where the analysis knows some, not in strings and comments, and never where a statement begins with `self.`,
    which may make a new attribute. White space after the dot is not offered, though Python takes it, nor are private names of modules
    that come with type stubs. The state's `report` tells what was done.

    Guarantee: the model's distribution restricted step by step; exact verifiers keep it. Where no dot asks for a name it is the model's
    own, but for tokens that go on behind a dot (`.append`): only those at least a hundredth as likely as the best of the others are asked
    about, the rest have no chance. An answer that comes too late is none, so that texts depend on time if there are any.
    Needs: what each token writes; jedi (pip install 'foretell[monitors]'), which runs in a process of its own. Cost: an analysis a
    dot and text before it, 20 to 300 ms, once more for each draft that writes another dot; then a token set about 0.2 ms.
    State: the text, and a place in the trie of the names.

    Agrawal et al., "Guiding Language Models of Code with Global Context using Monitors", section 3. There tokens that
    cross the dot are not seen, and the analyser is asked again in a file whose brackets are closed: jedi never knew more there.
    Errors: ValueError for a project that is no folder, a file that is not Python, and a chat without `before`.

    >>> vocabulary = Vocabulary((b"up", b"per", b"(", b"s", None), frozenset({4}))
    >>> state = Monitor(before="'text'.").start(vocabulary)
    >>> state.forced(), state.advance(0).advance(1).allowed().ids.tolist()
    ([0, 1], [2, 4])
    """

    papers = ("monitors",)

    project: str | None = None
    path: str = "untitled.py"
    before: str | None = None
    after: str = ""
    own: bool = False
    budget: float = 5.0

    def __post_init__(self) -> None:
        require(self.project is None or Path(self.project).is_dir(), self, "project", self.project, "must be a folder that exists")
        require(Path(self.path).suffix in (".py", ".pyi"), self, "path", self.path, "must end in .py: there is an analyser for Python only")
        require(self.budget > 0, self, "budget", self.budget, "must be above 0 seconds")

    @classmethod
    def examples(cls) -> list[Monitor]:
        return [cls(before="class Moon:\n    abab = 1\n    abbaba = 2\n\nmoon = Moon()\nmoon.")]

    @property
    def is_open(self) -> bool:
        return True

    def remember(self, vocabulary: Vocabulary) -> Answers:
        return Answers(JediAnalyser(self.project, self.budget, self.own), vocabulary, self.path, self.after)

    def begin(self, memory: Any, prompt: Sequence[int] = ()) -> State:
        return MonitorState.of(Run(memory, self._code(memory.vocabulary, prompt), memory.analyser.stamp()))

    def _code(self, vocabulary: Vocabulary, prompt: Sequence[int]) -> bytes:
        if self.before is not None:
            return self.before.encode()
        if any(vocabulary.tokens[token] is None for token in prompt[1:]):  # the first may be the mark of a text's beginning
            raise UserError(
                "Monitor: before=None takes the prompt for code, but this one holds control tokens, as chats do; "
                "say which code the answer continues (before=''), or generate with chat=False"
            )
        # Some tokenizers write a space before a text; Python would take it for an indented line.
        return re.sub(rb"\A (?! )", b"", vocabulary.text(prompt))
