"""`ModelGroup`: several models with one vocabulary as one `Model`; a router chooses the model for each token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from foretell.catalog.part_text import describe, parse_part
from foretell.decoding.groups.group_cache import GroupCache, catch_up
from foretell.decoding.router import Router
from foretell.errors import UserError
from foretell.models.base import Context, Feed, Model, Rows
from foretell.models.vocabulary import check_same_chat, fitted
from foretell.parts import Guarantee


class ModelGroup(Model):
    """A group of models. For each token `router` chooses the member whose row the token is drawn from.

    members: smallest first. A row depends on its text and the prompt's length (`Context.prompt_length`) only. The router decides along
    every path of a tree, so drafting, batches and rollback work as with one model. Rows within the prompt are those of the member that
    gives the first token. A member reads the text that it has not read when it is chosen.

    Guarantee: the router's. Cost: one pass per step, and one more for each change of the member within a step.
    Errors: UserError for hidden states, embeddings and early exits, which differ between members; where members differ in vocabulary, stop
    tokens or chat template; where a member has more parameters than the next one, unless `force`.

    >>> from foretell.decoding.routers.entropy_adaptive import EntropyAdaptive
    >>> from foretell.models.tiny import TinyModel
    >>> group = ModelGroup([TinyModel(seed=1), TinyModel(seed=2)], EntropyAdaptive(0.5, min_duration=1))
    >>> group.forward([Feed(group.new_cache(), tokens=[0, 2, 1])])[0].speakers
    [0, 1, 1]
    """

    def __init__(self, members: Sequence[Model], router: Router | str, force: bool = False) -> None:
        self.members, self.router = tuple(members), parse_part(router, "router") if isinstance(router, str) else router
        if not self.members:
            raise UserError("ModelGroup: members=[] must hold at least one model")
        if not isinstance(self.router, Router):
            raise UserError(f"ModelGroup: router={router!r} is not a router; pass one, or its short text")
        self.router.check(len(self.members))
        last = self.members[-1]
        self.members = tuple(fitted(last, member, f"member {number}") for number, member in enumerate(self.members))
        for number, member in enumerate(self.members[:-1]):
            name = f"member {number}"
            check_same_chat(last, member, name)
            following = self.members[number + 1]
            if member.num_parameters > following.num_parameters and not force:
                raise UserError(
                    f"ModelGroup: {name} has {member.num_parameters} parameters, more than the {following.num_parameters} of the member "
                    "after it; put the smallest first, or pass force=True"
                )
        self.vocab_size, self.tokenizer, self.device = last.vocab_size, last.tokenizer, last.device
        self.num_layers, self.width = last.num_layers, last.width
        self.max_length = min(member.max_length for member in self.members)
        self.tolerance = max(member.tolerance for member in self.members)
        self.num_parameters = sum(member.num_parameters for member in self.members)
        self.guarantee: Guarantee = self.router.guarantee
        self.suppressed = last.suppressed
        self.fingerprint = f"group-{describe(self.router)}-{'-'.join(member.fingerprint for member in self.members)}"
        opening = self.router.begin(())
        listener = self.router.listener(opening)
        self._opening = self.router.choose(opening, None)[0] if listener is None else listener

    @property
    def name(self) -> str:
        """The names of its members."""
        return " + ".join(member.name for member in self.members)

    def __reduce__(self) -> Any:
        return ModelGroup, (self.members, self.router, True)

    def _new_cache(self, context: Context) -> GroupCache:
        return GroupCache([member.new_cache(context) for member in self.members])

    def _forward(self, feeds: Sequence[Feed], hidden: tuple[int | str, ...], start: int, stop: int) -> list[Rows]:
        if hidden or start or stop < self.num_layers or any(feed.embeddings is not None for feed in feeds):
            raise UserError(
                "ModelGroup: hidden states, embeddings and early exits belong to one model, and members differ; "
                "use a drafter that needs none of them, or a single model"
            )
        parts = [_Part(self, feed) for feed in feeds]
        while True:
            waiting = [part.advance() for part in parts]
            if not any(waiting):
                return [part.result() for part in parts]
            for number in range(len(self.members)):
                self._compute(number, [(part, wait[number]) for part, wait in zip(parts, waiting, strict=True) if number in wait])

    def _compute(self, number: int, asked: list[tuple[_Part, list[int]]]) -> None:
        """One pass of member `number` over the rows of all sequences that wait for it."""
        if not asked:
            return
        readers = [part.cache.members[number] for part, _ in asked]
        read = catch_up(self.members[number], readers, [part.cache for part, _ in asked])
        made = [reader.feed(part.cache, rows, rows) for reader, (part, rows) in zip(readers, asked, strict=True)]
        results = self.members[number].forward([feed for feed, _ in made])
        for reader, (part, _), (feed, new), extra, rows in zip(readers, asked, made, read, results, strict=True):
            reader.note(new, len(feed) - len(new))
            part.work[number] += len(feed) + extra
            for row, logits in zip(new[len(new) - len(rows.logits) :], rows.logits, strict=True):
                part.known[row, number] = logits.to(self.device)


class _Part:
    """The state of one feed. known: logits by (row, member). speakers: the chosen member of each decided row."""

    def __init__(self, group: ModelGroup, feed: Feed) -> None:
        cache = feed.cache
        if not isinstance(cache, GroupCache):
            raise UserError(f"forward: cache={cache!r} was not made by this model's new_cache()")
        self.group, self.cache = group, cache
        first = len(cache.pending) - len(feed)
        for pending in (cache.pending_tokens, cache.pending_states):  # drop rows of a batch that failed
            del pending[first:]
        for reader in cache.members:
            reader.rows = {row: own for row, own in reader.rows.items() if row < first}
        cache.pending_tokens += feed.tokens
        cache.pending_states += [None] * len(feed)
        self.rows = range(first, len(cache.pending))
        num = len(feed) if feed.num_logits is None else min(feed.num_logits, len(feed))
        self.wanted = self.rows[len(feed) - num :]
        self.known: dict[tuple[int, int], Tensor] = {}
        self.speakers: dict[int, int] = {}
        self.work = [0] * len(group.members)

    def advance(self) -> dict[int, list[int]]:
        """Decide rows as far as the known logits allow. Returns, by member, the rows that wait for its logits.

        Rows below a waiting row are computed by the same member, because the chosen member seldom changes.
        """
        waits: dict[int, int] = {}
        for row in self.rows:
            if row in self.speakers:
                continue
            parent = self.cache.pending[row]
            member = waits[parent] if parent in waits else self._decide(row)
            if member is not None:
                waits[row] = member
        asked: dict[int, list[int]] = {}
        for row, member in waits.items():
            if (row, member) not in self.known:
                asked.setdefault(member, []).append(row)
        return asked

    def _decide(self, row: int) -> int | None:
        """Decide a row whose parent is decided. Returns the member whose logits are needed first, or None when the row is decided."""
        cache, router = self.cache, self.group.router
        if cache.length + cache.depths[row] < cache.context.prompt_length - 1:
            speaker, after = self.group._opening, None
        else:
            state = cache.state_before(row)
            state = router.begin(cache.text(row)) if state is None else state
            listener = router.listener(state)
            if listener is not None and (row, listener) not in self.known:
                return listener
            speaker, after = router.choose(state, None if listener is None else self.known[row, listener])
        if row in self.wanted and (row, speaker) not in self.known:
            return speaker
        self.speakers[row], cache.pending_states[row] = speaker, after
        return None

    def result(self) -> Rows:
        """The rows that the feed asks for."""
        speakers = [self.speakers[row] for row in self.wanted]
        logits = [self.known[row, speaker] for row, speaker in zip(self.wanted, speakers, strict=True)]
        empty = torch.empty(0, self.group.vocab_size, device=self.group.device)
        return Rows(torch.stack(logits) if logits else empty, speakers=speakers, work=self.work)


def load_group(models: Sequence[Any], router: Router | str, force: bool = False, **options: Any) -> ModelGroup:
    """Load a `ModelGroup`: several models of which `router` chooses one for each token.

    models: smallest first; loaded `Model`s, or ids and paths for `foretell.load` (None is the default model), which gets the `options`.
    router: a `Router`, or its text, such as "entropy-adaptive(threshold=0.5)". The result is lossy, except with the router `always`.
    force: allow a member with more parameters than the next one. Errors: UserError as in `ModelGroup`.
    """
    from foretell.models.load import load

    parsed = parse_part(router, "router") if isinstance(router, str) else router  # before anything is loaded
    return ModelGroup([model if isinstance(model, Model) else load(model, **options) for model in models], parsed, force)
