"""Where a text stands under a monitor: free, or within a name that the analysis must know."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

from foretell.decoding.constraint import Ended, State, refuse
from foretell.decoding.distribution import Distribution
from foretell.decoding.restriction import restricted
from foretell.decoding.sampler import Sampler
from foretell.decoding.token_set import TokenSet
from foretell.models.one_thread import one_thread
from foretell.models.vocabulary import Vocabulary
from foretell.rules.analysis.report import MonitorReport, report_of
from foretell.rules.analysis.run import Dot, Run
from foretell.rules.automata.literals import LiteralNode

#: How much less likely than the best other token one that goes on behind a dot may be, to be asked about: the logarithm.
_RAREST = math.log(0.01)
_DOT_AND_NAME = re.compile(rb"\.([\w\x80-\xff]*)\Z")


class MonitorState(State):
    """written: the new text. dot: the last one on its way that asked for a name. node: the place within the names that may stand there,
    None where all is free; where `begun` is given it is found when it is needed: that much of the name is already there."""

    def __init__(self, run: Run, written: bytes, dot: Dot | None, node: LiteralNode | None = None, begun: bytes | None = None) -> None:
        self.run, self.written, self.dot, self.begun = run, written, dot, begun
        self.vocabulary = run.answers.vocabulary
        if begun is None:
            self.node = node

    @classmethod
    def of(cls, run: Run) -> MonitorState:
        """At the beginning; the code before may end in a dot, or within a name after one."""
        match = _DOT_AND_NAME.search(run.before)
        if match is None:
            return cls(run, b"", None)
        text = run.before[: match.start() + 1]
        if not run.answers.analyser.asks(text.decode("utf-8", errors="replace")):
            return cls(run, b"", None)
        return cls(run, b"", Dot(run, text, None), begun=match[1])

    @cached_property
    def node(self) -> LiteralNode | None:
        assert self.dot is not None  # else `node` was given
        assert self.begun is not None
        literals = self.dot.answer.literals
        if literals is None:
            return None
        node, length = literals.root.walk(self.begun)
        return node if length == len(self.begun) and node.spelt else None

    @cached_property
    def _mask(self) -> _Mask:
        return _Mask.free(self.vocabulary) if self.node is None else _Mask.within(self.node)

    @cached_property
    def _allowed(self) -> TokenSet:
        return self._with(self._mask.doubtful.ids.tolist())

    def _with(self, doubtful: Sequence[int]) -> TokenSet:
        """The allowed tokens, those behind a dot only of these."""
        good = [token for token in doubtful if self.accepts(token)]
        return self._mask.sure | TokenSet.of(good, self.vocabulary.size) if good else self._mask.sure

    def allowed(self) -> TokenSet:
        return self._allowed

    def accepts(self, token: int) -> bool:
        if not 0 <= token < self.vocabulary.size:
            return False
        if token in self.vocabulary.stop_tokens:
            return self.node is None or self.node.end
        data = self.vocabulary.tokens[token]
        return self._after(data) is not None if data else self.node is None

    def advance(self, token: int) -> State:
        if not self.accepts(token):
            raise refuse(self, token)
        if token in self.vocabulary.stop_tokens:
            return Ended(self.vocabulary)
        after = self._after(self.vocabulary.tokens[token] or b"")
        assert after is not None
        return after

    def _after(self, data: bytes) -> MonitorState | None:
        """The state after more text, None where it breaks the rule: the same however the text is cut into tokens."""
        node, dot, i, written = self.node, self.dot, 0, self.written + data
        while True:
            if node is not None:
                literals = node.literals
                node, i = node.walk(data, i)
                if i == len(data):
                    return MonitorState(self.run, written, dot, node) if node.spelt else None
                if not (node.end and data[i] in literals.breaks):
                    return None
            i = data.find(b".", i) + 1
            if not i:
                return MonitorState(self.run, written, dot)
            node, text = None, self.written + data[:i]
            if self.run.asks(text):
                dot = Dot(self.run, self.run.before + text, dot)
                if i == len(data):
                    return MonitorState(self.run, written, dot, begun=b"")
                node = None if dot.answer.literals is None else dot.answer.literals.root

    @property
    def finished(self) -> bool:
        return self.node is not None and self.node.end and not self._mask.goes_on and super().finished

    def forced(self, most: int = 64) -> list[int]:
        return super().forced(most) if self.node is not None else []

    def prepare(self, sampler: Sampler) -> None:
        _ = self._mask  # of the doubtful ones `distribution` asks about those that are likely

    def distribution(self, sampler: Sampler, logits: Tensor, history: Sequence[int], prompt_length: int) -> Distribution:
        allowed = self._likely(logits)
        if len(allowed) == allowed.size:
            return sampler.distribution(logits, history, prompt_length)
        return restricted(_Narrowed(self.vocabulary, allowed), sampler, logits, history, prompt_length)

    def target_distribution(self, sampler: Sampler, logits: Tensor, history: Sequence[int], prompt_length: int) -> Distribution:
        with one_thread():
            best = int(logits.argmax())
        if not self.accepts(best):
            self.run.wanted[self.written] = self.vocabulary.tokens[best] or b""
        return self.distribution(sampler, logits, history, prompt_length)

    def _likely(self, logits: Tensor) -> TokenSet:
        """The allowed tokens, those behind a dot only where they are not much less likely than the best other."""
        mask = self._mask
        if not mask.doubtful:
            return mask.sure
        doubtful = torch.from_numpy(mask.doubtful.ids).to(logits.device)
        with one_thread():
            best = int(logits.argmax())
            if best not in mask.sure:
                others = logits[torch.from_numpy(mask.sure.ids).to(logits.device)]
                least = float(others.max()) if len(others) else -math.inf
            else:
                least = float(logits[best])
            return self._with(doubtful[logits[doubtful] >= least + _RAREST].tolist())

    @property
    def report(self) -> MonitorReport:
        """What the monitor did to this text."""
        return report_of(self.run, self.written, self.dot)


class _Mask:
    """Tokens that a place allows, made once a place. doubtful: those of them that go on behind a dot. sure: the others. goes_on: whether
    one of these does not end the text."""

    def __init__(self, tokens: TokenSet, vocabulary: Vocabulary) -> None:
        self.doubtful = tokens & going_on(vocabulary)
        self.sure = tokens - self.doubtful
        self.goes_on = bool(self.sure - TokenSet.of(vocabulary.stop_tokens, vocabulary.size))

    @classmethod
    def free(cls, vocabulary: Vocabulary) -> _Mask:
        """Where all is free."""
        kept = vocabulary.__dict__
        if "monitor_free" not in kept:
            kept["monitor_free"] = cls(TokenSet.everything(vocabulary.size), vocabulary)
        mask: _Mask = kept["monitor_free"]
        return mask

    @classmethod
    def within(cls, node: LiteralNode) -> _Mask:
        """Within names."""
        if "monitor" not in node.__dict__:
            node.__dict__["monitor"] = cls(node.allowed, node.literals.vocabulary)
        mask: _Mask = node.__dict__["monitor"]
        return mask


class _Narrowed:
    """Some of a state's tokens, for one restricted distribution."""

    def __init__(self, vocabulary: Vocabulary, tokens: TokenSet) -> None:
        self.vocabulary, self.tokens = vocabulary, tokens

    def allowed(self) -> TokenSet:
        return self.tokens

    def accepts(self, token: int) -> bool:
        return token in self.tokens


def going_on(vocabulary: Vocabulary) -> TokenSet:
    """The tokens that hold a dot and go on behind it, made once a vocabulary: the text before them does not end in the dot."""
    kept = vocabulary.__dict__
    if "going_on" not in kept:
        tokens = (token for token, data in enumerate(vocabulary.tokens) if data and b"." in data[:-1])
        kept["going_on"] = TokenSet.of(tokens, vocabulary.size)
    found: TokenSet = kept["going_on"]
    return found
