"""What scripts call: `generate`, `stream`, and the `Result` they get."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from foretell.decoding.draws import SampledDraws
from foretell.decoding.loop import Session
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Logprob, Request
from foretell.decoding.samplers.base import Sampler
from foretell.decoding.samplers.make import make_sampler
from foretell.decoding.stopping import StopWatch, as_stop_strings, cut, held_back
from foretell.decoding.trace import Trace
from foretell.models.base import Model
from foretell.parts import UnknownNameError, nearest

#: What `generate` uses unless told otherwise, with a model whose tokenizer has a table of phrases in this package, and with others.
WITH_PHRASES = "adaptive-ngram + stand(orders=(2, 1), siblings='best-first', scope='global', table='shipped')"
DEFAULT_RECIPE = "prompt-lookup | token-recycling"

#: A prompt: text, or a chat as a list of {"role", "content"}.
Prompt = str | Sequence[Mapping[str, str]]

_models: dict[str, Model] = {}
_NOT_OPTIONS = ("prompt", "model", "recipe", "max_batch", "unknown")  # parameters of `generate` that are no request's options


@dataclass
class Result:
    """text: what was generated. tokens: its token ids. finish_reason: "stop", "length" or "context". logprobs: one entry a
    token where asked for, else empty. trace: the run, step by step."""

    text: str
    tokens: list[int]
    finish_reason: str
    trace: Trace
    logprobs: list[Logprob]

    def __str__(self) -> str:
        return self.text


class Piece(str):
    """A piece of streamed text; `source` names the drafter that proposed it ("" is the model's own), `tokens` its ids."""

    source: str
    tokens: list[int]

    def __new__(cls, text: str, source: str = "", tokens: Sequence[int] = ()) -> Piece:
        piece = super().__new__(cls, text)
        piece.source, piece.tokens = source, list(tokens)
        return piece


def default_recipe(model: Model) -> Recipe:
    """What `generate` uses with this model unless told otherwise."""
    if "default_recipe" not in model.__dict__:  # kept there, as sessions are: reading the vocabulary takes 15 ms
        from foretell.decoding.successors.files import shipped_table

        model.__dict__["default_recipe"] = Recipe.parse(WITH_PHRASES if shipped_table(model) else DEFAULT_RECIPE)
    return model.__dict__["default_recipe"]


def session_of(model: Model, recipe: Recipe) -> Session:
    """The session of this model and recipe, made once: its drafter's and pace's memory grow over calls."""
    # Kept on the model, which they hold: a table of their own would keep every model alive.
    sessions: dict[Recipe, Session] = model.__dict__.setdefault("sessions", {})
    if recipe not in sessions:
        sessions[recipe] = Session(model, recipe)
    return sessions[recipe]


def generate(
    prompt: Prompt | Sequence[Prompt],
    model: Model | str | None = None,
    recipe: Recipe | str | None = None,
    *,
    max_new_tokens: int = 256,
    temperature: float = 0.0,
    top_k: int = 0,
    top_p: float = 1.0,
    min_p: float = 0.0,
    repetition_penalty: float = 1.0,
    presence_penalty: float = 0.0,
    frequency_penalty: float = 0.0,
    logit_bias: Mapping[int, float] | None = None,
    sampler: Sampler | None = None,
    stop: str | Sequence[str] = (),
    seed: int = 0,
    logprobs: int | None = None,
    chat: bool = True,
    max_batch: int = 16,
    **unknown: Any,
) -> Result | list[Result]:
    """Continue a prompt, or each of a list of prompts (a list gives a list).

    prompt: text, or a chat as a list of {"role": ..., "content": ...}. model: from `foretell.load`, or an id or path; None is
    the default model. recipe: a `Recipe` or its short text; None is `default_recipe(model)`. temperature 0 is greedy; the other
    sampling options are those of transformers and the OpenAI API, or pass a `sampler`. stop: texts that end the answer and are
    cut off it. seed: with the same seed, prompt i draws as seed + i, whatever the batch. logprobs: report the target's log-
    probability of each token and of so many best. chat: put a text prompt into the model's chat template as the user's turn.

    >>> import foretell as ft
    >>> ft.generate("The capital of France is", max_new_tokens=8).text  # doctest: +SKIP
    'The capital of France is Paris.'
    """
    options = {name: value for name, value in locals().items() if name not in _NOT_OPTIONS}
    check_options(unknown)
    many = not isinstance(prompt, str) and not (len(prompt) and isinstance(prompt[0], Mapping))
    model = resolve(model)
    recipe = default_recipe(model) if recipe is None else Recipe.parse(recipe)
    prompts: Any = prompt if many else [prompt]
    requests = make_requests(list(prompts), model, recipe, **options)
    for _ in session_of(model, recipe).run(requests, max_batch):
        pass
    results = [make_result(request, model, stop) for request in requests]
    return results if many else results[0]


def stream(prompt: Prompt, model: Model | str | None = None, recipe: Recipe | str | None = None, **options: Any) -> Iterator[Piece]:
    """Like `generate` for one prompt, but yields pieces of text as they come; options as there. Pieces never split a
    character, and text that might become a stop string is held back until it is sure."""
    check_options(options)
    model = resolve(model)
    recipe = default_recipe(model) if recipe is None else Recipe.parse(recipe)
    request = make_requests([prompt], model, recipe, **options)[0]
    yield from stream_request(request, model, recipe, options.get("stop", ()))


def stream_request(request: Request, model: Model, recipe: Recipe, stop: str | Sequence[str] = ()) -> Iterator[Piece]:
    """Pieces of a prepared request, which afterwards holds its trace and finish reason."""
    strings, decoder = as_stop_strings(stop), model.tokenizer.stream()
    given, held = 0, ""
    for _ in session_of(model, recipe).run([request]):
        sources = [source for step in request.trace.steps[-1:] for source in step.sources]
        for token, source in zip(request.generated[given:], sources, strict=True):
            text = held + decoder.push(token)
            if strings and cut(text, strings) != text:
                yield Piece(cut(text, strings), source, [token])
                return
            num = held_back(text, strings)
            text, held = text[: len(text) - num], text[len(text) - num :]
            if text:
                yield Piece(text, source, [token])
        given = len(request.generated)
    rest = held + decoder.finish()
    if rest:
        yield Piece(rest)


def resolve(model: Model | str | None) -> Model:
    """A loaded model as it is; an id or path loaded once a process; None is the default model."""
    if isinstance(model, Model):
        return model
    key = model or ""
    if key not in _models:
        from foretell.models.load import load

        _models[key] = load(model)
    return _models[key]


def check_options(options: Mapping[str, Any]) -> None:
    """Refuse options that `generate` does not have, with the nearest name."""
    known = [name for name in inspect.signature(generate).parameters if name not in _NOT_OPTIONS]
    for option in options:
        if option not in known:
            raise UnknownNameError(f"generate has no option {option!r}: {nearest(option, known)}")


def make_requests(
    prompts: Sequence[Prompt],
    model: Model,
    recipe: Recipe,
    *,
    max_new_tokens: int = 256,
    sampler: Sampler | None = None,
    stop: str | Sequence[str] = (),
    seed: int = 0,
    logprobs: int | None = None,
    chat: bool = True,
    **sampling: Any,
) -> list[Request]:
    """Requests of `generate`'s options: prompts encoded, the sampler made, stop strings watched."""
    sampler = _one_sampler(sampler, recipe, sampling)
    if model.tokenizer is None:
        raise ValueError("model: it has no tokenizer, so it cannot read text; use foretell.decoding.loop.Session with token ids")
    strings = as_stop_strings(stop)
    return [
        Request(
            encode(prompt, model, chat),
            max_new_tokens,
            sampler,
            SampledDraws(seed + i),
            model.tokenizer.stop_tokens,
            StopWatch(model.tokenizer, strings) if strings else None,
            logprobs,
        )
        for i, prompt in enumerate(prompts)
    ]


def _one_sampler(sampler: Sampler | None, recipe: Recipe, sampling: Mapping[str, Any]) -> Sampler:
    """The sampler, said in exactly one place: `sampler`, the recipe, or plain options."""
    defaults = inspect.signature(make_sampler).parameters
    changed = [name for name, value in sampling.items() if value != defaults[name].default]
    said = ["sampler"] * (sampler is not None) + ["the recipe"] * (recipe.sampler is not None) + changed[:1]
    if len(said) > 1:
        raise ValueError(f"{' and '.join(said)} both say how to sample; say it in one place")
    return sampler or recipe.sampler or make_sampler(**sampling)


def encode(prompt: Prompt, model: Model, chat: bool) -> list[int]:
    """Token ids of a prompt; ValueError where it is empty or too long."""
    if not prompt or (isinstance(prompt, str) and not prompt.strip()):
        raise ValueError(f"prompt={prompt!r} is empty; give some text")
    tokens = model.tokenizer.chat(prompt) if chat or not isinstance(prompt, str) else model.tokenizer.encode(prompt)
    if len(tokens) >= model.max_length:
        raise ValueError(f"prompt has {len(tokens)} tokens, but the model was made for {model.max_length}; shorten the prompt")
    return tokens


def make_result(request: Request, model: Model, stop: str | Sequence[str] = ()) -> Result:
    """The answer in a finished request, cut at stop strings."""
    text = cut(model.tokenizer.decode(request.generated), as_stop_strings(stop))
    return Result(text, request.generated, request.finish_reason, request.trace, request.logprobs)
