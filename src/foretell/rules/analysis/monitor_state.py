"""The position of a text under a monitor: unrestricted, or within a name that the analysis must know."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

from foretell.decoding.constraint import ConstraintState, EndedState, not_allowed_error
from foretell.decoding.distribution import Distribution
from foretell.decoding.restriction import restricted
from foretell.decoding.sampler import Sampler
from foretell.decoding.token_set import TokenSet
from foretell.models.one_thread import one_thread
from foretell.models.vocabulary import Vocabulary
from foretell.rules.analysis.completions import DereferenceSite, MonitoredRequest
from foretell.rules.analysis.monitor_mask import MonitorMask
from foretell.rules.analysis.monitor_report import MonitorReport, report_of
from foretell.rules.automata.literals import LiteralNode

#: Tokens with text behind a dot are analysed only if their logit is within this of the best other token's (a hundredth as likely).
_MIN_LOG_RATIO = math.log(0.01)
_DOT_AND_NAME = re.compile(rb"\.([\w\x80-\xff]*)\Z")


class MonitorState(ConstraintState):
    """The state of a text under a monitor.

    written: the new text. site: its last dot that must be followed by an existing name, if any. node: the position within the names that
    may stand there, None where nothing is restricted. prefix: the part of the name that is there already; `node` is then found when it is
    first needed, since that takes an analysis.
    """

    def __init__(
        self,
        request: MonitoredRequest,
        written: bytes,
        site: DereferenceSite | None,
        node: LiteralNode | None = None,
        prefix: bytes | None = None,
    ) -> None:
        self.request, self.written, self.site, self.prefix = request, written, site, prefix
        self.vocabulary = request.cache.vocabulary
        if prefix is None:
            self.node = node

    @classmethod
    def of(cls, request: MonitoredRequest) -> MonitorState:
        """The first state. The code before the new text may end in a dot, or within a name after one."""
        match = _DOT_AND_NAME.search(request.before)
        if match is None:
            return cls(request, b"", None)
        text = request.before[: match.start() + 1]
        if not request.cache.analyser.is_dereference(text.decode("utf-8", errors="replace")):
            return cls(request, b"", None)
        return cls(request, b"", DereferenceSite(request, text, None), prefix=match[1])

    @cached_property
    def node(self) -> LiteralNode | None:
        """The position within the names; None where nothing is restricted."""
        assert self.site is not None  # else `node` was given
        assert self.prefix is not None
        literals = self.site.completions.literals
        if literals is None:
            return None
        node, length = literals.root.walk(self.prefix)
        return node if length == len(self.prefix) and node.is_spellable else None

    @cached_property
    def _mask(self) -> MonitorMask:
        return self.request.cache.mask(self.node)

    @cached_property
    def _allowed(self) -> TokenSet:
        return self._with_accepted(self._mask.doubtful.ids.tolist())

    def _with_accepted(self, doubtful: Sequence[int]) -> TokenSet:
        """The sure tokens, and those of `doubtful` that the analysis accepts."""
        accepted = [token for token in doubtful if self.accepts(token)]
        return self._mask.sure | TokenSet.of(accepted, self.vocabulary.size) if accepted else self._mask.sure

    def allowed(self) -> TokenSet:
        return self._allowed

    def accepts(self, token: int) -> bool:
        if not 0 <= token < self.vocabulary.size:
            return False
        if token in self.vocabulary.stop_tokens:
            return self.node is None or self.node.is_word
        data = self.vocabulary.tokens[token]
        return self._after(data) is not None if data else self.node is None

    def advance(self, token: int) -> ConstraintState:
        if not self.accepts(token):
            raise not_allowed_error(self, token)
        if token in self.vocabulary.stop_tokens:
            return EndedState(self.vocabulary)
        after = self._after(self.vocabulary.tokens[token] or b"")
        assert after is not None
        return after

    def _after(self, data: bytes) -> MonitorState | None:
        """The state after more text, None if it breaks the rule. The result does not depend on the tokenization."""
        node, site, i, written = self.node, self.site, 0, self.written + data
        while True:
            if node is not None:
                delimiters = node.literals.delimiters
                node, i = node.walk(data, i)
                if i == len(data):
                    return MonitorState(self.request, written, site, node) if node.is_spellable else None
                if not (node.is_word and data[i] in delimiters):
                    return None
            i = data.find(b".", i) + 1
            if not i:
                return MonitorState(self.request, written, site)
            node, text = None, self.written + data[:i]
            if self.request.is_dereference(text):
                site = DereferenceSite(self.request, self.request.before + text, site)
                if i == len(data):
                    return MonitorState(self.request, written, site, prefix=b"")
                node = None if site.completions.literals is None else site.completions.literals.root

    @property
    def finished(self) -> bool:
        return self.node is not None and self.node.is_word and not self._mask.continues and super().finished

    def forced(self, max_tokens: int = 64) -> list[int]:
        return super().forced(max_tokens) if self.node is not None else []

    def prepare(self, sampler: Sampler) -> None:
        _ = self._mask  # `distribution` looks at the likely ones of the doubtful tokens only

    def distribution(self, sampler: Sampler, logits: Tensor, history: Sequence[int], prompt_length: int) -> Distribution:
        allowed = self._likely(logits)
        if len(allowed) == allowed.size:
            return sampler.distribution(logits, history, prompt_length)
        return restricted(_FixedTokens(self.vocabulary, allowed), sampler, logits, history, prompt_length)

    def target_distribution(self, sampler: Sampler, logits: Tensor, history: Sequence[int], prompt_length: int) -> Distribution:
        with one_thread():
            best = int(logits.argmax())
        if not self.accepts(best):
            self.request.wanted[self.written] = self.vocabulary.tokens[best] or b""
        return self.distribution(sampler, logits, history, prompt_length)

    def _likely(self, logits: Tensor) -> TokenSet:
        """The allowed tokens; of the doubtful ones only those within `_MIN_LOG_RATIO` of the best sure token."""
        mask = self._mask
        if not mask.doubtful:
            return mask.sure
        doubtful = torch.from_numpy(mask.doubtful.ids).to(logits.device)
        with one_thread():
            best = int(logits.argmax())
            if best not in mask.sure:
                others = logits[torch.from_numpy(mask.sure.ids).to(logits.device)]
                reference = float(others.max()) if len(others) else -math.inf
            else:
                reference = float(logits[best])
            return self._with_accepted(doubtful[logits[doubtful] >= reference + _MIN_LOG_RATIO].tolist())

    @property
    def report(self) -> MonitorReport:
        """What the monitor did to this text."""
        return report_of(self.request, self.written, self.site)


class _FixedTokens:
    """A `TokenFilter` of a given token set."""

    def __init__(self, vocabulary: Vocabulary, tokens: TokenSet) -> None:
        self.vocabulary, self.tokens = vocabulary, tokens

    def allowed(self) -> TokenSet:
        return self.tokens

    def accepts(self, token: int) -> bool:
        return token in self.tokens
