"""The scheduler: requests join, leave and fail in a running batch, from one thread or several, and none changes another's text."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from foretell.decoding.constraint import Constraint, ConstraintState
from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.draft_order import DraftCosts, DraftOrder
from foretell.decoding.drafters.plain import Plain
from foretell.decoding.draws import SampledDraws
from foretell.decoding.limit import Limit
from foretell.decoding.loop import PREFILL_CHUNK, Loop
from foretell.decoding.pace import Pace
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.sampler import Sampler
from foretell.decoding.scheduler import Scheduler
from foretell.decoding.session import Session
from foretell.decoding.token_set import TokenSet
from foretell.errors import UserError
from foretell.models.tiny import TinyModel

MODEL = TinyModel(vocab_size=12, order=3, seed=3, max_length=1024)
RECIPES = [
    "plain",
    "prompt-lookup | token-recycling, pace=4",
    "adaptive-ngram + stand(siblings='best-first', orders=(2, 1), scope='global'), pace=3",
]
GREEDY = Sampler(greedy=True)


def order(number: int, length: int = 20, prompt: int = 4, sampler: Sampler = GREEDY) -> Request:
    return Request([(5 * number + 3 * i) % 12 for i in range(prompt)], length, sampler, SampledDraws(number))


def loop(recipe: str | Recipe = "plain", model: TinyModel = MODEL) -> Loop:
    return Loop(model, Recipe.parse(recipe), CostCurve.flat(1.0, 0.1))


def texts(requests: list[Request]) -> list[list[int]]:
    return [request.generated for request in requests]


def alone(make: Callable[[int], Request], numbers: range, recipe: str) -> list[list[int]]:
    """Each text from a session of its own."""
    found = []
    for number in numbers:
        request = make(number)
        for _ in Session(MODEL, Recipe.parse(recipe), CostCurve.flat(1.0, 0.1)).run([request]):
            pass
        found.append(request.generated)
    return found


def drain(scheduler: Scheduler) -> list:
    return list(itertools.chain.from_iterable(iter(scheduler.step, [])))


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("sampler", [GREEDY, Sampler()])
def test_requests_that_join_leave_and_fail_change_no_other_text(recipe, sampler):
    expected = alone(lambda number: order(number, sampler=sampler), range(6), recipe)
    scheduler, requests = Scheduler(loop(recipe), max_batch=3), [order(number, sampler=sampler) for number in range(6)]
    too_long, cancelled = order(6, prompt=1024), order(7, length=900, sampler=sampler)
    scheduler.add(requests[0])
    ids = [scheduler.add(cancelled)]
    scheduler.step()
    for request in (requests[1], too_long, *requests[2:]):
        ids.append(scheduler.add(request))
        scheduler.step()
    scheduler.cancel(ids[0])
    drain(scheduler)
    assert texts(requests) == expected
    assert {request.finish_reason for request in requests} == {"length"}
    assert (too_long.finish_reason, cancelled.finish_reason) == ("error", "cancelled")
    assert "shorten the prompt" in str(too_long.error)
    assert cancelled.num_generated > 0
    assert (scheduler.num_running, scheduler.num_waiting) == (0, 0)


def test_events_tell_the_whole_text_and_who_drafted_it():
    scheduler, request = Scheduler(loop("prompt-lookup, pace=4")), order(1, length=40)
    number = scheduler.add(request)
    events = drain(scheduler)
    assert [event.id for event in events] == [number] * len(events)
    assert [token for event in events for token in event.tokens] == request.generated
    assert [source for event in events for source in event.sources] == [s for step in request.trace.steps for s in step.sources]
    assert [event.start for event in events] == [0, *itertools.accumulate(len(event.tokens) for event in events[:-1])]
    assert [event.finish_reason for event in events] == [""] * (len(events) - 1) + ["length"]


def test_at_most_so_many_at_a_time_and_drawn_from_the_iterable_as_there_is_room():
    drawn = []

    def source():
        for number in range(1000):
            drawn.append(number)
            yield order(number, length=3)

    running = Session(MODEL, Recipe()).run(source(), max_batch=4)
    next(running)
    assert len(drawn) == 4
    running.close()
    scheduler = Scheduler(loop(), max_batch=2)
    for number in range(5):
        scheduler.add(order(number, length=3))
    scheduler.step()
    assert (scheduler.num_running, scheduler.num_waiting) == (2, 3)


def test_the_token_budget_limits_prompts_and_leaves_texts_as_they_are():
    expected = alone(lambda number: order(number, prompt=600), range(4), "plain")
    scheduler, requests = Scheduler(loop(), token_budget=PREFILL_CHUNK + 8), [order(number, prompt=600) for number in range(4)]
    for request in requests:
        scheduler.add(request)
    fed = []
    while scheduler.num_running or scheduler.num_waiting:
        before = {id(request): len(request.trace.steps) for request in requests}
        scheduler.step()
        fed.append(sum(step.num_rows for request in requests for step in request.trace.steps[before[id(request)] :]))
    assert max(fed) <= PREFILL_CHUNK + 8
    assert texts(requests) == expected


class Failing(TinyModel):
    """Fails where a prompt that begins with 11 is read."""

    def _rows(self, feed, hidden, start, stop):
        if feed.cache.length == 0 and feed.tokens[0] == 11:
            raise UserError("token=11 is not to be read")
        return super()._rows(feed, hidden, start, stop)


def test_a_request_that_fails_in_a_shared_pass_fails_alone():
    model = Failing(vocab_size=12, order=3, seed=3)
    good, bad = Request([1, 2], 8, GREEDY, SampledDraws(0)), Request([11, 1], 8, GREEDY, SampledDraws(0))
    with pytest.raises(UserError, match="token=11"):
        for _ in Session(model, Recipe()).run([good, bad]):
            pass
    assert (good.finish_reason, bad.finish_reason, bad.generated) == ("length", "error", [])
    reference = Request([1, 2], 8, GREEDY, SampledDraws(0))
    for _ in Session(MODEL, Recipe()).run([reference], keep_errors=True):
        pass
    assert good.generated == reference.generated


@dataclass(frozen=True)
class Broken(Pace):
    """Its `trim` has a fault."""

    def limit(self, state, costs: DraftCosts) -> DraftOrder:
        return DraftOrder(2, 2)

    def trim(self, states, trees, costs):
        raise RuntimeError("a fault of its own")


def test_a_part_that_fails_for_all_ends_all_and_the_scheduler_goes_on():
    scheduler = Scheduler(Loop(MODEL, Recipe.parse("prompt-lookup").replace(pace=Broken()), CostCurve.flat()))
    requests = [Request([1, 2, 1, 2], 8, GREEDY, SampledDraws(0)) for _ in range(2)]
    for request in requests:
        scheduler.add(request)
    events = drain(scheduler)
    assert [event.finish_reason for event in events] == ["error", "error"]
    assert all(isinstance(request.error, RuntimeError) for request in requests)


@pytest.mark.parametrize("recipe", RECIPES)
def test_threads_share_a_session_and_get_the_texts_that_each_would_get_alone(recipe):
    expected = dict(zip(range(40), alone(order, range(40), recipe), strict=True))
    session, found, errors = Session(MODEL, Recipe.parse(recipe), CostCurve.flat(1.0, 0.1)), dict[int, list[int]](), []

    def work(numbers: range) -> None:
        try:
            requests = {number: order(number) for number in numbers}
            for _ in session.run(requests.values(), max_batch=3):
                pass
            found.update({number: request.generated for number, request in requests.items()})
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(range(first, 40, 8),), daemon=True) for first in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)
    assert errors == []
    assert found == expected


def test_a_thread_that_holds_the_models_lock_may_decode_while_others_do():
    session, stop, done = Session(MODEL, Recipe()), threading.Event(), threading.Event()

    def others() -> None:
        while not stop.is_set():
            for _ in session.run([order(0, length=30)]):
                pass

    def locked() -> None:
        for number in range(20):
            with MODEL.lock:
                for _ in session.run([order(number, length=5)]):
                    pass
        done.set()

    threads = [threading.Thread(target=work, daemon=True) for work in (others, locked)]
    for thread in threads:
        thread.start()
    try:
        assert done.wait(timeout=60), "one waits for the other's lock, and the other for its step"
    finally:
        stop.set()


def test_a_callback_that_decodes_with_its_own_session_is_refused_and_does_not_hang():
    session = Session(MODEL, Recipe())

    def stops(tokens: list[int]) -> bool:
        for _ in session.run([order(1, length=2)]):
            pass
        return False

    request, other = order(0, length=5), order(2, length=5)
    request.stops = stops
    with pytest.raises(UserError, match="its own session"):
        for _ in session.run([request, other]):
            pass
    assert (request.finish_reason, other.finish_reason) == ("error", "length")


class TrapState(ConstraintState):
    """One token may be written, and then none."""

    def __init__(self, vocabulary, written=False):
        self.vocabulary, self.written = vocabulary, written

    def allowed(self):
        return TokenSet.of([] if self.written else [0], self.vocabulary.size)

    def advance(self, token):
        return TrapState(self.vocabulary, True)


@dataclass(frozen=True)
class Trap(Constraint):
    """The trap, as a constraint."""

    def remember(self, vocabulary):
        return vocabulary

    def begin(self, memory, prompt=()):
        return TrapState(memory)


@dataclass(frozen=True)
class FailingRewind(Plain):
    """Cannot go on with a text that was cut back."""

    def rewind(self, memory, state, text):
        raise RuntimeError("no way back")


def test_a_request_that_cannot_be_taken_back_fails_alone():
    trap, other = order(0, length=9), order(1, length=9)
    trap.stop_tokens, trap.constraint, trap.max_backtracks = frozenset({11}), Trap(), 3
    model = TinyModel(vocab_size=12, order=3, seed=3, spelling=[*(bytes([97 + i]) for i in range(11)), None])
    with pytest.raises(RuntimeError, match="no way back"):
        for _ in Session(model, Recipe(FailingRewind())).run([trap, other]):
            pass
    assert (trap.finish_reason, other.finish_reason, other.num_generated) == ("error", "length", 9)


def test_a_reader_that_leaves_early_gives_its_place_to_others():
    session = Session(MODEL, Recipe())
    left, other = order(0, length=900), order(1, length=5)
    running = session.run([left])
    next(running)
    running.close()
    for _ in session.run([other]):
        pass
    assert (left.finish_reason, other.finish_reason) == ("cancelled", "length")
    assert session.scheduler.num_running == 0


class Interrupted(TinyModel):
    """Interrupts the third pass."""

    passes = 0

    def _forward(self, feeds, hidden, start, stop):
        self.passes += 1
        if self.passes == 3:
            raise KeyboardInterrupt
        return super()._forward(feeds, hidden, start, stop)


def test_an_interrupt_keeps_what_there_is_and_the_session_works_on():
    session, request = Session(Interrupted(vocab_size=12), Recipe()), Request([1, 2], 8, GREEDY, SampledDraws(0))
    with pytest.raises(KeyboardInterrupt):
        for _ in session.run([request]):
            pass
    assert (request.num_generated, request.finish_reason) == (2, "cancelled")
    again = Request([1, 2], 8, GREEDY, SampledDraws(0))
    for _ in session.run([again]):
        pass
    assert again.generated[:2] == request.generated


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_decodes_while_the_parent_did():
    """The child finds locks free and the scheduler empty, whatever the parent's threads were doing."""
    session, stop = Session(MODEL, Recipe.parse(RECIPES[1]), CostCurve.flat()), threading.Event()

    def work() -> None:
        while not stop.is_set():
            for _ in session.run([order(0, length=60)]):
                pass

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        for _ in range(5):
            child = os.fork()
            if child == 0:
                threading.Timer(20, os._exit, (2,)).start()  # a child that hangs ends itself
                request = order(1, length=10)
                for _ in session.run([request]):
                    pass
                os._exit(0 if request.num_generated == 10 else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        stop.set()
        thread.join(timeout=60)


@pytest.mark.parametrize(
    ("options", "message"), [({"max_batch": 0}, "max_batch=0"), ({"token_budget": 8}, "token_budget=8 must be at least 256")]
)
def test_limits_that_make_no_sense_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        Scheduler(loop(), **options)


def test_a_request_is_decoded_once():
    scheduler, request = Scheduler(loop(Recipe(Plain()))), order(0, length=2)
    scheduler.add(request)
    drain(scheduler)
    with pytest.raises(UserError, match="decoded already"):
        scheduler.add(request)


def test_a_limit_ends_requests_in_the_batch_and_in_the_queue():
    """Those that wait leave too, though there is no room for them."""
    scheduler, limit = Scheduler(Loop(MODEL, Recipe()), max_batch=1), Limit()
    running = Request([0, 1], 50, Sampler(greedy=True), SampledDraws(0))
    waiting = Request([0, 1], 50, Sampler(greedy=True), SampledDraws(0), limit=limit)
    scheduler.add(running)
    scheduler.add(waiting)
    scheduler.step()
    limit.cancel()
    scheduler.step()
    assert (waiting.finish_reason, waiting.num_generated, running.finish_reason) == ("cancelled", 0, "")
    running.limit = Limit(0.0)
    [event] = scheduler.step()
    assert (event.finish_reason, running.num_generated) == ("timeout", 2)
    assert scheduler.num_running == scheduler.num_waiting == 0


def test_events_say_how_much_of_a_prompt_is_read():
    scheduler = Scheduler(Loop(MODEL, Recipe()))
    scheduler.add(Request([0, 1] * 300, 2, Sampler(greedy=True), SampledDraws(0)))
    events = [event for _ in range(4) for event in scheduler.step()]
    assert [(event.num_read, event.is_reading, len(event.tokens)) for event in events] == [
        (256, True, 0), (512, True, 0), (600, False, 1), (600, False, 1)
    ]  # fmt: skip
    assert len(list(Session(MODEL, Recipe()).run([Request([0, 1] * 300, 2, Sampler(greedy=True), SampledDraws(0))]))) == 2
