"""The scheduler: requests join a running batch and leave it when they end, fail or are cancelled, without effect on other requests."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from foretell.decoding.loop import PREFILL_CHUNK, Loop, Running
from foretell.decoding.request import Request
from foretell.errors import UserError
from foretell.locks import ForkSafeLock


@dataclass(frozen=True)
class Event:
    """What one step changed of a request. start: number of generated tokens that are kept, less than before where tokens were taken back.
    tokens: token ids added after them. sources: the name of the drafter that proposed each token ("" for the model itself).
    finish_reason: as in `Request`; "" while the request runs. num_read: tokens of the prompt that are read."""

    id: int
    request: Request
    start: int
    tokens: tuple[int, ...]
    sources: tuple[str, ...]
    finish_reason: str
    num_read: int = 0

    @property
    def is_reading(self) -> bool:
        """Whether nothing changed but that more of the prompt was read."""
        return not self.finish_reason and self.num_read < len(self.request.prompt)


@dataclass
class _Ticket:
    """A request in the scheduler. events: the queue of its owner, where it has one. num_reported: generated tokens that events reported."""

    id: int
    request: Request
    events: deque[Event] | None
    running: Running | None = None
    num_reported: int = 0
    is_cancelled: bool = False

    @property
    def end_reason(self) -> str:
        """The finish reason of a request that has to end before the next step; "" where it may go on."""
        if self.is_cancelled:
            return "cancelled"
        return "" if self.request.limit is None else self.request.limit.reason


class Scheduler:
    """Continuous batching over a `Loop`.

    max_batch: most requests that are decoded at a time (None: no limit); others wait in order. token_budget: most tokens of prompts and
    texts that a step feeds (None: no limit). Requests past their prompt come first. A prompt is read in pieces of 256 tokens, and a step
    takes a whole piece or none of it, so that no text depends on the other requests. Drafted tokens are not counted; the pace limits them.
    Every step feeds at least one request.

    `add`, `cancel`, `run` and `step` are thread-safe. Steps never overlap: one thread at a time runs a step for all requests, holding the
    model's lock, and the others wait for its events. In a child process made by `os.fork` the scheduler is empty.

    Errors: UserError for max_batch below 1 or token_budget below 256.

    >>> from foretell.decoding.draws import SampledDraws
    >>> from foretell.decoding.recipe import Recipe
    >>> from foretell.decoding.sampler import Sampler
    >>> from foretell.models.tiny import TinyModel
    >>> scheduler = Scheduler(Loop(TinyModel(), Recipe()))
    >>> scheduler.add(Request([0, 1], 2, Sampler(greedy=True), SampledDraws(0)))
    0
    >>> [(event.tokens, event.finish_reason) for event in scheduler.step() + scheduler.step()]
    [((3,), ''), ((2,), 'length')]
    """

    def __init__(self, loop: Loop, max_batch: int | None = None, token_budget: int | None = None) -> None:
        if max_batch is not None and max_batch < 1:
            raise UserError(f"max_batch={max_batch!r} must be at least 1, or None for no limit")
        if token_budget is not None and token_budget < PREFILL_CHUNK:
            raise UserError(f"token_budget={token_budget!r} must be at least {PREFILL_CHUNK}, the piece in which prompts are read, or None")
        self.loop, self.max_batch, self.token_budget = loop, max_batch, token_budget
        self._ids = itertools.count()
        self._fork_guard = ForkSafeLock(self._reset)
        self._reset()

    def _reset(self) -> None:
        """Empty the scheduler. Also called in a forked child, which has neither the parent's threads nor its requests."""
        self._arrived: deque[_Ticket] = deque()  # added or cancelled since the last step; appending is atomic
        self._waiting: deque[_Ticket] = deque()
        self._running: list[_Ticket] = []
        self._tickets: dict[int, _Ticket] = {}
        self._turn = threading.Condition()
        self._stepping_thread: int | None = None  # who runs a step, and therefore holds the model's lock

    @property
    def num_waiting(self) -> int:
        """Number of requests that are waiting."""
        return len(self._tickets) - len(self._running)

    @property
    def num_running(self) -> int:
        """Number of requests that are being decoded."""
        return len(self._running)

    def add(self, request: Request) -> int:
        """Add a request, which joins the batch at one of the next steps, and return its id. `step` returns its events.

        UserError for a request that was decoded already.
        """
        return self._add(request, None).id

    def _add(self, request: Request, events: deque[Event] | None) -> _Ticket:
        if request.finish_reason or request.num_generated:
            raise UserError(f"request: it was decoded already (finish_reason={request.finish_reason!r}); make a new one")
        ticket = _Ticket(next(self._ids), request, events)
        self._tickets[ticket.id] = ticket
        self._arrived.append(ticket)
        return ticket

    def cancel(self, id: int) -> None:
        """End a request at the next step; it keeps its text, and its `finish_reason` is "cancelled". Ids that ended are ignored."""
        ticket = self._tickets.get(id)
        if ticket is not None:
            ticket.is_cancelled = True

    def step(self) -> list[Event]:
        """Admit waiting requests, run one step for all, and release those that ended. Returns the events of requests from `add`.

        The list is empty where there is nothing to do. An error of one request is in its event and is not raised.
        """
        with self._step_turn():
            return self._step()

    def run(self, requests: Iterable[Request], max_batch: int = 16) -> Iterator[Event]:
        """Decode `requests`, at most `max_batch` of them at a time, and yield their events. Several threads may call it at the same time.

        A request is taken from the iterable when there is room for it. Closing the iterator early cancels the requests that have not ended.
        """
        if max_batch < 1:
            raise UserError(f"max_batch={max_batch!r} must be at least 1")
        source, own, events = iter(requests), dict[int, _Ticket](), deque[Event]()
        try:
            while True:
                for request in itertools.islice(source, max_batch - len(own)):
                    ticket = self._add(request, events)
                    own[ticket.id] = ticket
                if not own:
                    return
                self._wait_or_step(events)
                while events:
                    event = events.popleft()
                    if event.finish_reason:
                        del own[event.id]
                    yield event
        finally:
            for ticket in own.values():
                ticket.is_cancelled = True
            if own:
                self._drop_cancelled()

    def _wait_or_step(self, events: deque[Event]) -> None:
        """Wait until another thread's step put events into `events`, or run a step in this thread."""
        with self._turn:
            while self._is_other_stepping() and not events:
                self._turn.wait()
        if not events:
            with self._step_turn():
                if not events:  # else a step came between
                    self._step()

    def _drop_cancelled(self) -> None:
        """Release cancelled requests now, unless a step is running; then the next one does it."""
        if self._stepping_thread is None:
            with self._step_turn():
                self._admit()
                self._release()

    @contextmanager
    def _step_turn(self) -> Iterator[None]:
        """The turn to run a step. The model's lock comes first, so a thread that holds it already never waits for one that wants it."""
        with self.loop.model.lock:
            if self._stepping_thread is not None:
                raise UserError("a callback of a request (such as `stops`) decodes with its own session; use another one there")
            self._stepping_thread = threading.get_ident()
            try:
                yield
            finally:
                with self._turn:
                    self._stepping_thread = None
                    self._turn.notify_all()

    def _is_other_stepping(self) -> bool:
        return self._stepping_thread not in (None, threading.get_ident())

    def _step(self) -> list[Event]:
        """Run a step, in this thread's turn."""
        try:
            self._admit()
            self.loop.step([ticket.running for ticket in self._within_budget() if ticket.running is not None])
            return self._release()
        except BaseException as error:  # after an interrupt, caches and states may not match the texts
            for ticket in self._running:
                ticket.request.finish_reason = ticket.request.finish_reason or "cancelled"
                if isinstance(error, Exception):
                    ticket.request.error, ticket.request.finish_reason = error, "error"
            self._release()
            raise

    def _admit(self) -> None:
        """Move waiting requests into the batch as far as there is room. A request that cannot be served ends with an error."""
        while self._arrived:
            self._waiting.append(self._arrived.popleft())
        for ticket in [*self._running, *self._waiting]:
            ticket.request.finish_reason = ticket.request.finish_reason or ticket.end_reason
        # Those that end while they wait need no room: they leave with this step.
        self._running += [ticket for ticket in self._waiting if ticket.request.finish_reason]
        self._waiting = deque(ticket for ticket in self._waiting if not ticket.request.finish_reason)
        while self._waiting and (self.max_batch is None or len(self._running) < self.max_batch):
            ticket = self._waiting.popleft()
            self._running.append(ticket)
            request = ticket.request
            try:
                ticket.running = self.loop.begin(request)
            except Exception as error:
                request.finish_reason, request.error = "error", error

    def _within_budget(self) -> Sequence[_Ticket]:
        """The running requests that this step feeds."""
        tickets = [ticket for ticket in self._running if ticket.running is not None and not ticket.request.finish_reason]
        if self.token_budget is None:
            return tickets
        chosen, num_rows = list[_Ticket](), 0
        for ticket in sorted(tickets, key=lambda ticket: bool(ticket.running and not ticket.request.num_generated)):
            assert ticket.running is not None
            rows = min(ticket.running.lag, PREFILL_CHUNK)
            if not chosen or num_rows + rows <= self.token_budget:
                chosen.append(ticket)
                num_rows += rows
        return chosen

    def _release(self) -> list[Event]:
        """Return the events of this step, and remove requests that ended from the batch."""
        events: list[Event] = []
        for ticket in self._running:
            request, running = ticket.request, ticket.running
            if ticket.id not in self._tickets:  # it was released before an interrupt in here
                continue
            if request.finish_reason == "dead-end" and running is not None:
                self.loop.step_back(running)
            event = _event(ticket)
            if event is not None:
                (events if ticket.events is None else ticket.events).append(event)
            if request.finish_reason:
                if running is not None:
                    self.loop.end(running)
                ticket.running = None  # frees the cache; the request keeps its constraint state
                del self._tickets[ticket.id]
        self._running = [ticket for ticket in self._running if ticket.id in self._tickets]
        return events


def _event(ticket: _Ticket) -> Event | None:
    """What changed of a request since its last event; None where nothing changed."""
    request = ticket.request
    steps = request.trace.steps
    tokens = steps[-1].tokens if steps else []
    start = request.num_generated - len(tokens)
    begun = request.num_generated or request.num_backtracks or ticket.running is None or not steps
    num_read = len(request.prompt) if begun or ticket.running is None else ticket.running.cache.length
    if start + len(tokens) == ticket.num_reported and not request.finish_reason and num_read == len(request.prompt):
        return None
    if request.num_generated == ticket.num_reported:
        tokens, start = [], request.num_generated
    ticket.num_reported = request.num_generated
    sources = steps[-1].sources if tokens else []
    return Event(ticket.id, request, start, tuple(tokens), tuple(sources), request.finish_reason, num_read)
