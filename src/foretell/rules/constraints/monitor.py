"""Monitor-guided decoding: names after a dot are names that a static analysis of the project knows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from foretell.decoding.constraint import Constraint, ConstraintState
from foretell.errors import UserError
from foretell.models.vocabulary import Vocabulary
from foretell.parts import require
from foretell.rules.analysis.completions import CompletionCache, MonitoredRequest
from foretell.rules.analysis.jedi_analyser import JediAnalyser
from foretell.rules.analysis.monitor_state import MonitorState


@dataclass(frozen=True)
class Monitor(Constraint[CompletionCache]):
    """Code whose names after a dot exist. At each dot an analyser that knows the whole project is asked; all other text is unrestricted.

    project: the folder of the code, or None for installed packages only. path: the file that is being written, within the project; it
    need not exist, and its content on disk is ignored. before: the code that the new text continues, or None if that is the prompt itself;
    required for a chat. after: the code behind the new text. own: whether attributes of `self` and `cls` must exist too, for a class
    that is complete in `before` and `after`. budget: seconds of an analysis; a dot whose analysis takes longer is not restricted.

    Names are restricted only where the analysis knows some, not in strings and comments, and never where a statement begins with
    `self.`, which may create an attribute. White space after the dot is not allowed, though Python accepts it, nor are private names of
    modules with type stubs. The state's `report` lists what was done.

    Guarantee: the model's distribution restricted step by step; exact verifiers keep it. Where no dot needs a name it is the model's own,
    except for tokens that continue behind a dot (`.append`): only those at least a hundredth as likely as the best other token are
    analysed, the rest get probability 0. An answer that comes too late is ignored, so texts then depend on time.
    Needs: the bytes of each token; jedi (pip install 'foretell[monitors]'), which runs in a process of its own. Cost: one analysis for
    a dot and the text before it, 20 to 300 ms, and one for each draft that contains another dot; then about 0.2 ms a token set.
    State: the text, and a position in the trie of the names.

    Agrawal et al., "Guiding Language Models of Code with Global Context using Monitors", section 3. Departures: tokens that cross the dot
    are monitored too; the analyser is not asked again for the file with its brackets closed, since jedi's answer stays the same.
    Errors: UserError for a project that is not a folder, a file that is not Python, and a chat without `before`.

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

    def remember(self, vocabulary: Vocabulary) -> CompletionCache:
        return CompletionCache(JediAnalyser(self.project, self.budget, self.own), vocabulary, self.path, self.after)

    def begin(self, memory: CompletionCache, prompt: Sequence[int] = ()) -> ConstraintState:
        before = self._code_before(memory.vocabulary, prompt)
        return MonitorState.of(MonitoredRequest(memory, before, memory.analyser.project_version()))

    def _code_before(self, vocabulary: Vocabulary, prompt: Sequence[int]) -> bytes:
        if self.before is not None:
            return self.before.encode()
        if any(vocabulary.tokens[token] is None for token in prompt[1:]):  # the first may be the begin-of-text token
            raise UserError(
                "Monitor: before=None takes the prompt as the code, but this prompt has control tokens, as chats do; "
                "pass the code that the answer continues (before=''), or generate with chat=False"
            )
        # Some tokenizers put a space in front of a text; Python would read it as indentation.
        return re.sub(rb"\A (?! )", b"", vocabulary.text(prompt))
