"""Turns the arguments of `generate` into requests: resolves the model, the recipe and the session, and encodes prompts."""

from __future__ import annotations

import inspect
import os
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from foretell import arguments
from foretell.decoding.drafters.forced import Forced
from foretell.decoding.drafters.then import Then
from foretell.decoding.draws import SampledDraws
from foretell.decoding.limit import Limit
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.sampler import Sampler
from foretell.decoding.sampling_options import make_sampler
from foretell.decoding.session import Session
from foretell.decoding.stopping import StopWatch, as_stop_strings
from foretell.errors import UserError
from foretell.models.base import Model
from foretell.models.instructions import with_instructions
from foretell.models.text import Text
from foretell.rules.rule import Rule

#: The default recipes, for models whose tokenizer has a table of phrases in this package, and for other models.
WITH_PHRASES = "adaptive-ngram + stand(orders=(2, 1), siblings='best-first', scope='global', table='shipped')"
DEFAULT_RECIPE = "prompt-lookup | token-recycling"

#: A prompt: text, a chat as a list of {"role", "content"}, or token ids.
Prompt = str | Sequence[Any]


def default_recipe(model: Model) -> Recipe:
    """The recipe that `generate` uses with this model by default."""
    from foretell.decoding.drafting.successors.files import shipped_table

    # cached, because the fingerprint of the vocabulary takes 15 ms
    return model.pool.get("default recipe", lambda: Recipe.parse(WITH_PHRASES if shipped_table(model) else DEFAULT_RECIPE))


def recipe_for(model: Model, recipe: Recipe | str | None, constrained: bool) -> Recipe:
    """The given recipe. None: `default_recipe`, which under a constraint also drafts forced tokens."""
    if recipe is not None:
        return Recipe.parse(recipe)
    chosen = default_recipe(model)
    return behind_forced(chosen) if constrained else chosen


def behind_forced(recipe: Recipe) -> Recipe:
    """The recipe with `forced >>` before its drafter."""
    return recipe.replace(drafter=Then((Forced(), recipe.drafter)))


def session_of(model: Model, recipe: Recipe) -> Session:
    """The session of this model and recipe. It is kept with the model, so that drafter and pace keep their memory across calls."""
    return model.pool.get(("session", recipe), lambda: Session(model, recipe))


def resolve(model: Model | str | os.PathLike[str] | None) -> Model:
    """A loaded model: `model` itself, or the model of this id or path (None: the default model). The latest four are kept loaded."""
    if isinstance(model, Model):
        return model
    if model is not None and not isinstance(model, str | os.PathLike):
        raise UserError(
            f"model={arguments.shown(model)} is no model; pass one from foretell.load, an id, a path, or None for the default model"
        )
    from foretell.models.load import origin_of, shared

    return shared(origin_of(model or None))


def random_seed() -> int:
    """A seed that differs each time: nine digits or so, to be read and typed."""
    return secrets.randbits(30)


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
    parse_special: bool = False,
    rule: Rule | None = None,
    max_backtracks: int = 0,
    ending: bool = True,
    limit: Limit | None = None,
    n: int = 1,
    **sampling: Any,
) -> list[Request | UserError]:
    """n requests for each prompt, from the options of `generate`; request i draws with seed + i. A prompt that cannot be encoded gives its
    UserError in place of each request; UserError is raised for wrong options, which concern all prompts."""
    sampler = _one_sampler(sampler, recipe, sampling)
    if n > 1 and sampler.greedy:
        raise UserError(f"n={n}: greedy decoding gives the same text {n} times; set a temperature above 0, or leave n out")
    if model.tokenizer is None:
        raise UserError("model: it has no tokenizer, so it cannot read text; use foretell.decoding.session.Session with token ids")
    strings = as_stop_strings(stop)
    constraint = rule.constraint if rule is not None else None

    def request(number: int, tokens: list[int]) -> Request:
        return Request(
            tokens,
            max_new_tokens,
            sampler,
            SampledDraws(seed + number),
            model.tokenizer.stop_tokens,
            StopWatch(model.tokenizer, tokens, strings) if strings else None,
            logprobs,
            constraint,
            max_backtracks,
            ending=ending and constraint is not None and not constraint.is_open,
            limit=limit,
        )

    request(0, [0])  # checks the options before any prompt is encoded
    requests: list[Request | UserError] = []
    for number, prompt in enumerate(prompts):
        try:
            tokens = encode(prompt, model, chat, rule, parse_special)
            requests += [request(n * number + i, tokens) for i in range(n)]
        except UserError as error:
            requests += [error] * n
    return requests


def make_request(prompt: Prompt, model: Model, recipe: Recipe, **options: Any) -> Request:
    """The request for one prompt; UserError where it cannot be encoded."""
    [request] = make_requests([prompt], model, recipe, **options)
    if isinstance(request, UserError):
        raise request
    return request


def _one_sampler(sampler: Sampler | None, recipe: Recipe, sampling: Mapping[str, Any]) -> Sampler:
    """The sampler, from `sampler`, the recipe or the sampling options; UserError where more than one of them is given."""
    if sampler is not None and not isinstance(sampler, Sampler):
        raise UserError(f"sampler={arguments.shown(sampler)} is no sampler; pass Sampler((step, ...)), or options such as temperature=0.7")
    defaults = inspect.signature(make_sampler).parameters
    changed = [name for name, value in sampling.items() if value != defaults[name].default]
    given = ["sampler"] * (sampler is not None) + ["the recipe"] * (recipe.sampler is not None) + changed[:1]
    if len(given) > 1:
        raise UserError(f"{' and '.join(given)} both say how to sample; give only one of them")
    return sampler or recipe.sampler or make_sampler(**sampling)


def encode(prompt: Prompt, model: Model, chat: bool, rule: Rule | None = None, parse_special: bool = False) -> list[int]:
    """Token ids of a prompt; UserError where it is no prompt, empty, too long for the model, or has no place for what the rule says.

    parse_special: whether the names of control tokens in texts and messages are these tokens.
    """
    prompt = arguments.prompt(prompt)
    if not prompt or (isinstance(prompt, str) and not prompt.strip()):
        raise UserError(f"prompt={prompt!r} is empty; give some text")
    if not isinstance(prompt, str) and isinstance(prompt[0], int):
        tokens = _token_ids(prompt, model, rule)
    elif rule is not None and (rule.tools is not None or rule.instructions):
        if not chat and isinstance(prompt, str):
            raise UserError(f"{_told(rule)}= is told in the chat template, and chat=False leaves that out; drop one of them")
        tokens = _instructed(prompt, model, rule, parse_special)
    elif chat or not isinstance(prompt, str):
        tokens = model.tokenizer.chat(prompt, parse_special=parse_special)
    else:
        tokens = model.tokenizer.encode(prompt, parse_special=parse_special)
    beyond = next((token for token in tokens if token >= model.vocab_size), None)
    if beyond is not None:
        name = model.tokenizer.token_text(beyond)
        raise UserError(f"prompt: {name!r} is token {beyond}, outside the model's vocabulary of {model.vocab_size}; remove it")
    if len(tokens) >= model.max_length:
        raise UserError(f"prompt has {len(tokens)} tokens, but the model was made for {model.max_length}; shorten the prompt")
    return tokens


def _told(rule: Rule) -> str:
    """The option that the prompt tells the model of."""
    return "tools" if rule.tools is not None else "show_schema"


def _token_ids(prompt: Sequence[Any], model: Model, rule: Rule | None) -> list[int]:
    """A prompt of token ids, fed as it is."""
    if rule is not None and (rule.tools is not None or rule.instructions):
        raise UserError(f"{_told(rule)}= is told in a chat, and the prompt is token ids; give text or messages")
    for token in prompt:
        if not 0 <= token < model.vocab_size:
            raise UserError(f"prompt: token {token} is outside the model's vocabulary of {model.vocab_size}")
    return list(prompt)


def _instructed(prompt: Prompt, model: Model, rule: Rule, parse_special: bool) -> list[int]:
    """Token ids of a chat with what the rule says: tools in the chat template where it supports them, all else as instructions."""
    text: Text = model.tokenizer
    messages: list[Any] = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else list(prompt)
    if rule.tools is not None and (text.tool_template is not None or "tools" in (text.chat_template or "")):
        return text.chat(messages, parse_special=parse_special, tools=list(rule.tools.descriptions))
    instructions = rule.instructions if rule.tools is None else rule.tools.instructions
    return text.chat(with_instructions(messages, instructions, text), parse_special=parse_special)


def stop_tokens(model: Model, stop: str | Sequence[str] = ()) -> frozenset[int]:
    """The model's stop tokens, and all tokens that begin with one of the texts `stop`.

    UserError for a text that no token begins with, and where the result is empty.
    """
    tokens = set(model.tokenizer.stop_tokens)
    for text in [stop] if isinstance(stop, str) else stop:
        begin = text.encode("utf-8")
        matching = {token for token, data in enumerate(model.tokenizer.token_bytes) if begin and data and data.startswith(begin)}
        matching |= {token for token, name in model.tokenizer.control_tokens.items() if name == text}
        if not matching:
            raise UserError(f"stop={text!r}: no token begins with this text; take a shorter one, such as its first character")
        tokens |= matching
    if not tokens:
        raise UserError("stop=() leaves nothing to end a text, as the model has no stop token of its own; give a text such as '\\n'")
    return frozenset(token for token in tokens if token < model.vocab_size)
