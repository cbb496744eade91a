"""`generate_many`: any number of prompts, each with options of its own, as a stream of results."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Unpack

from foretell import arguments
from foretell.call import Call
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.trace import Trace
from foretell.errors import UserError
from foretell.models.base import Model
from foretell.options import ModelLike, OnePrompt, RequestOptions, check_options
from foretell.prepare import behind_forced, default_recipe, random_seed, resolve, session_of
from foretell.result import Result
from foretell.rules.rule import NAMES, SOURCES, Rule


def generate_many(
    prompts: Iterable[OnePrompt | Mapping[str, Any]],
    model: ModelLike = None,
    recipe: Recipe | str | None = None,
    *,
    max_batch: int | None = 16,
    **options: Unpack[RequestOptions],
) -> Generator[tuple[int, Result]]:
    """Continue any number of prompts, at most `max_batch` of them at a time: yields the number of a prompt and its `Result` as each ends.

    prompts: a list, a generator, a file that is read line by line: a prompt is taken when there is room for it in the batch. Each is a
    prompt as `generate` takes it, or a dict with it as "prompt", or its chat as "messages", beside options of its own. options: those of
    `generate`, for prompts without their own, without n and retries. seed: prompt i is sampled with seed + i. timeout: of each prompt, from
    when it is taken.

    Results come in the order in which they end. A prompt that cannot be decoded, or whose own options are wrong, gives a result with its
    `error`, and the others are decoded. Closing the iterator ends those that run. Errors: UserError for wrong `options`, at the call.

    >>> import foretell as ft
    >>> for number, result in ft.generate_many(["Hello", {"prompt": "Hi", "temperature": 1}]):  # doctest: +SKIP
    ...     print(number, result.text)
    """
    check_options("generate_many", options, RequestOptions.__annotations__)
    max_batch = 16 if max_batch is None else arguments.whole("max_batch", max_batch, least=1)
    if isinstance(prompts, str | bytes | Mapping) or not isinstance(prompts, Iterable):
        raise UserError(f"prompts={arguments.shown(prompts)} is no list of prompts; put it into one: [...]")
    loaded = resolve(model)
    # Some prompts may have a rule and others none, and one session decodes all.
    chosen = behind_forced(default_recipe(loaded)) if recipe is None else Recipe.parse(recipe)
    shared = {"seed": random_seed(), **{name: value for name, value in options.items() if value is not None}}
    return run_many(prompts, loaded, chosen, shared, max_batch)


def run_many(
    prompts: Iterable[Any], model: Model, recipe: Recipe, options: Mapping[str, Any], max_batch: int, rule: Rule | None = None
) -> Generator[tuple[int, Result]]:
    """`generate_many` of a loaded model and a recipe; options include a seed. rule: of prompts that say none."""
    Call.read(model, recipe, options, rule=rule).requests([])
    session_of(model, recipe)
    return _results(iter(prompts), model, recipe, options, max_batch, rule)


@dataclass
class _Running:
    number: int
    call: Call
    prompt: Any


def _results(
    prompts: Iterator[Any], model: Model, recipe: Recipe, shared: Mapping[str, Any], max_batch: int, rule: Rule | None
) -> Generator[tuple[int, Result]]:
    running: dict[int, _Running] = {}
    failed: deque[tuple[int, Result]] = deque()

    def requests() -> Iterator[Request]:
        for number, item in enumerate(prompts):
            try:
                prompt, own = _split(item)
                # A rule of its own takes the place of the shared one.
                base = {name: value for name, value in shared.items() if name not in NAMES} if own.keys() & set(SOURCES) else shared
                options = {**base, "seed": shared["seed"] + number, **own}
                call = Call.read(model, recipe, options, rule=rule)
                [request] = call.requests([prompt])
                if isinstance(request, UserError):
                    raise request
            except (UserError, OSError) as error:  # OSError: a rule's file
                failed.append((number, Result("", [], "error", Trace(0), [], error=error)))
                continue
            call.limit.start(call.timeout)
            running[id(request)] = _Running(number, call, prompt)
            yield request

    for request in session_of(model, recipe).run(requests(), max_batch, keep_errors=True):
        while failed:
            yield failed.popleft()
        if request.finish_reason:
            ended = running.pop(id(request))
            yield ended.number, ended.call.result(request, ended.prompt)
    yield from failed


def _split(item: Any) -> tuple[Any, dict[str, Any]]:
    """The prompt of an item, and its own options."""
    if not isinstance(item, Mapping):
        return item, {}
    own = {name: value for name, value in item.items() if value is not None}
    given = [name for name in ("prompt", "messages") if name in own]
    if len(given) != 1:
        raise UserError(f'prompts: {arguments.shown(item)} must have either "prompt" or "messages"')
    prompt = own.pop(given[0])
    if given == ["messages"] and (not isinstance(prompt, list) or not prompt or not isinstance(prompt[0], Mapping)):
        raise UserError(f'prompts: messages={arguments.shown(prompt)} must be a list of {{"role": ..., "content": ...}}')
    check_options("generate_many", own, RequestOptions.__annotations__)
    return prompt, own
