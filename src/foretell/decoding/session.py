"""A session: a model with a recipe, the memory of its parts across requests, and a scheduler."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import Any

from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.loop import Loop
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.scheduler import Scheduler
from foretell.models.base import Model
from foretell.parts import Guarantee

log = logging.getLogger(__name__)


class Session:
    """A model with a recipe, and the memory that its drafter, verifier and pace keep across requests.

    recipe: a `Recipe` or its short text.

    curve: the model's cost curve; None takes the stored one, and measures it where a part needs it and none is stored. Thread-safe:
    requests of several threads share the batch, and no text depends on the other requests.

    >>> from foretell.decoding.draws import SampledDraws
    >>> from foretell.decoding.sampler import Sampler
    >>> from foretell.models.tiny import TinyModel
    >>> request = Request([0, 1], 3, Sampler(greedy=True), SampledDraws(0))
    >>> for _ in Session(TinyModel(), Recipe()).run([request]):
    ...     pass
    >>> request.generated
    [3, 2, 3]
    """

    def __init__(self, model: Model, recipe: Recipe | str, curve: CostCurve | None = None) -> None:
        recipe = Recipe.parse(recipe) if isinstance(recipe, str) else recipe
        log.info("recipe %s", recipe)
        self.model, self.recipe = model, recipe
        self.loop = Loop(model, recipe, curve)
        self.scheduler = Scheduler(self.loop)

    def __reduce__(self) -> Any:
        raise TypeError(
            "a Session cannot be pickled or copied: it holds requests that run and what its drafter has learnt. Pickle its model and "
            "its recipe, and make a new one of them: foretell.Session(model, recipe)"
        )

    @property
    def curve(self) -> CostCurve:
        """The cost curve in use."""
        return self.loop.costs.curve

    @property
    def draft_memory(self) -> Any:
        """The drafter's memory."""
        return self.loop.draft_memory

    @property
    def pace_memory(self) -> Any:
        """The pace's memory. It may be set, for example to one that was read from a file."""
        return self.loop.pace_memory

    @pace_memory.setter
    def pace_memory(self, memory: Any) -> None:
        self.loop.pace_memory = memory

    @property
    def guarantee(self) -> Guarantee:
        """The guarantee for the text: the weaker one of the verifier's and the model's."""
        return self.loop.guarantee

    def run(self, requests: Iterable[Request], max_batch: int = 16, keep_errors: bool = False) -> Iterator[Request]:
        """Decode `requests`, at most `max_batch` at a time; yields a request each time its text grew or it ended.

        A request is taken from the iterable when there is room for it. A request that fails ends with `finish_reason` "error" and the
        exception in `error`; the others continue. When all have ended, the first error is raised unless `keep_errors`. The iterator may be
        closed early; the requests hold what was generated.
        """
        first: Exception | None = None
        for event in self.scheduler.run(requests, max_batch):
            first = first or event.request.error
            if not event.is_reading:
                yield event.request
        if first is not None and not keep_errors:
            raise first
