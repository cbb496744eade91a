"""The main functions of the library, `generate` and `stream`, and their results."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from foretell import arguments
from foretell.decoding.constraint import Constraint
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Logprob, Request
from foretell.decoding.sampler import Sampler
from foretell.decoding.stopping import AnswerText, answer_text, as_stop_strings
from foretell.decoding.trace import Trace
from foretell.errors import UserError
from foretell.models.base import Model
from foretell.parts import UnknownNameError, nearest
from foretell.prepare import Prompt, make_request, make_requests, recipe_for, resolve, session_of
from foretell.retrying import check_retries, with_retries
from foretell.rules.answer import read_answer, warn_unfinished
from foretell.rules.rule import NAMES, Rule, make_rule

#: Most tokens of a request that `generate` takes back to get out of dead ends of its rule.
MAX_BACKTRACKS = 200
_NOT_OPTIONS = ("prompt", "model", "recipe", "max_batch", "unknown")  # parameters of `generate` that are not options of a request


@dataclass
class Result:
    """What `generate` returns for a prompt.

    text: the generated text. tokens: its token ids. finish_reason: "stop", "length" or "context"; under a rule also "dead-end", where no
    continuation obeys the rule; "error" where one prompt of a list could not be decoded. trace: the run, step by step. logprobs: one entry
    per token where asked for, else empty. value: under a rule, the parsed text (a validated pydantic object, a JSON value, a `ToolCall`,
    else the text); None where the text is unfinished or its value is rejected. report: the constraint's report (of a `Monitor`), else
    None. error: the exception, for "error"; or what the type of `schema` (a validator, say) raised for the value of a whole text.
    unfinished: under a rule, why the text is no whole answer, with the place in its JSON; empty for a whole one. partial: the JSON value
    of an unfinished text so far. num_ending: how many of the last tokens were written to end the text within max_new_tokens. rejected:
    the results before this one that had no value, where `retries` asked for another.
    """

    text: str
    tokens: list[int]
    finish_reason: str
    trace: Trace
    logprobs: list[Logprob]
    value: Any = None
    report: Any = None
    error: Exception | None = None
    unfinished: str = ""
    partial: Any = None
    num_ending: int = 0
    rejected: list[Result] = field(default_factory=list)

    @property
    def has_value(self) -> bool:
        """Whether the text is a whole answer and its value, which may be None (JSON's null), was taken."""
        return not self.unfinished and self.error is None

    def __str__(self) -> str:
        return self.text


class Piece(str):
    """A piece of streamed text. source: the drafter that proposed it ("" for the model itself). tokens: its token ids. partial: under a
    schema, the JSON value of the text so far, which may be incomplete."""

    source: str
    tokens: list[int]
    partial: Any = None

    def __new__(cls, text: str, source: str = "", tokens: Sequence[int] = ()) -> Piece:
        piece = super().__new__(cls, text)
        piece.source, piece.tokens = source, list(tokens)
        return piece


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
    logprobs: int | bool | None = None,
    chat: bool = True,
    parse_special: bool = False,
    schema: Any = None,
    regex: str | re.Pattern[str] | None = None,
    grammar: str | Path | None = None,
    choices: Sequence[str] | None = None,
    tools: Sequence[Any] | None = None,
    tool_choice: Any = None,
    parallel_tool_calls: bool | None = None,
    constraint: Constraint | str | None = None,
    closed: bool = False,
    bounds: Any = None,
    show_schema: bool = False,
    ending: bool = True,
    retries: int = 0,
    max_batch: int = 16,
    **unknown: Any,
) -> Result | list[Result]:
    """Continue a prompt, or each of a list of prompts (a list gives a list).

    A prompt that cannot be decoded raises its error. In a list, it gives a `Result` with that `error`, and the other prompts are decoded.
    Thread-safe: prompts of several threads share the model's batch, and no text depends on the others.

    prompt: text; a chat as a list of {"role": ..., "content": ...}, whose content is text or a list of {"type": "text", "text": ...};
    or token ids, which are fed as they are. model: from `foretell.load`, or an id or path; None is the default model. recipe: a
    `Recipe` or its short text; None is `default_recipe(model)`. temperature 0 is greedy; the other sampling options are those of
    transformers and the OpenAI API, or pass a `sampler`. stop: texts that end the answer and are cut off it. seed: prompt i of a list is
    sampled with seed + i, whatever the batch. logprobs: report the log-probability, in nats, of each token and of this many best tokens;
    True is 0. chat: put a text prompt into the model's chat template as the user's turn. parse_special: read names of control tokens in
    prompts and messages ("<|im_end|>") as these tokens, for prompts that write the template themselves; by default they are text like any
    other.

    At most one of the following rules, which the answer obeys; `Result.value` is then the parsed answer. schema: a pydantic model or other
    Python type, a JSON Schema as dict, file or text. regex: in ECMA 262's syntax, or compiled by `re`. grammar: context-free, in Lark's
    syntax, or a .lark file. choices: the answer is one of these texts. tools: Python functions, or descriptions as in the APIs of
    OpenAI, Anthropic or MCP; the answer calls one. With it: tool_choice, "required" (the default), "auto" (a call or a text), "none" or
    the name of the one to call; parallel_tool_calls, whether the answer is a list of calls. constraint: any `Constraint`, or its short
    text.

    retries: how often to ask again where an answer is unfinished or its value rejected, each time with another seed. Where the prompt is
    a chat, which texts are by default, the model is told what was wrong. The results before the last are in `Result.rejected`.

    A value that its type rejects is no error of the call: `Result.value` is None, `Result.error` the reason, and the text is kept. A
    warning says where unfinished answers were cut.

    Options of these rules. closed: under a schema, objects have only the members that it names. bounds: limits on the values that are
    generated under a schema: True, or a dict with some of max_digits, max_string, max_items, max_properties. show_schema: put the schema
    into the prompt. ending: where max_new_tokens runs out, end the text in a short way that obeys the rule, instead of cutting it;
    `Result.num_ending` says how many tokens that took.

    Errors: UserError for options that are unknown, out of range or contradictory.

    An option that is None has its default; NumPy's and torch's numbers are read as Python's. Raises UserError for a value that is of
    the wrong kind or out of its range, and for an option that does not exist; OSError for files that cannot be read.

    >>> import foretell as ft
    >>> ft.generate("The capital of France is", max_new_tokens=8).text  # doctest: +SKIP
    'The capital of France is Paris.'
    """
    options = arguments.options({name: value for name, value in locals().items() if name not in _NOT_OPTIONS})
    check_options(unknown)
    prompts, many = arguments.split_prompts(prompt)
    max_batch = 16 if max_batch is None else arguments.whole("max_batch", max_batch)
    model = resolve(model)
    rule = make_rule(**{name: options.pop(name) for name in NAMES if name in options})
    recipe = recipe_for(model, recipe, rule is not None)
    retries = options.pop("retries", 0)
    requests = make_requests(prompts, model, recipe, rule=rule, max_backtracks=MAX_BACKTRACKS, **options)
    check_retries(retries, prompts, requests, options.get("chat", True), rule is not None)

    def run(requests: Sequence[Request | UserError]) -> list[Result]:
        valid = [request for request in requests if isinstance(request, Request)]
        for _ in session_of(model, recipe).run(valid, max_batch, keep_errors=True):
            pass
        return [make_result(request, model, options.get("stop", ()), rule) for request in requests]

    def ask_again(prompts: Sequence[Prompt], seeds: Sequence[int]) -> list[Result]:
        made = []
        for prompt, seed in zip(prompts, seeds, strict=True):
            made += make_requests([prompt], model, recipe, rule=rule, max_backtracks=MAX_BACKTRACKS, **{**options, "seed": seed})
        return run(made)

    results = with_retries(run(requests), prompts, requests, retries, options.get("chat", True), ask_again)
    warn_unfinished(results)
    if many:
        return results
    if results[0].finish_reason == "error" and results[0].error is not None:
        raise results[0].error
    return results[0]


def stream(prompt: Prompt, model: Model | str | None = None, recipe: Recipe | str | None = None, **options: Any) -> Iterator[Piece]:
    """Like `generate` for one prompt, but yields the text in pieces as it is generated; options as there.

    Pieces never split a character. Text that may be the beginning of a stop string is held back until that is decided. Under a schema each
    piece also has the value so far (`Piece.partial`).
    """
    check_options(options)
    options = arguments.options(options)
    if options.pop("retries", 0):
        raise UserError("retries: text that is streamed cannot be taken back; use generate")
    model = resolve(model)
    rule = make_rule(**{name: options.pop(name) for name in NAMES if name in options})
    recipe = recipe_for(model, recipe, rule is not None)
    request = make_request(prompt, model, recipe, rule=rule, **options)
    text = ""
    for piece in stream_request(request, model, recipe, options.get("stop", ())):
        if rule is not None and rule.is_json:
            from foretell.rules.schemas.partial_value import partial_value

            text += piece
            piece.partial = partial_value(text.encode("utf-8"))
        yield piece


def stream_request(request: Request, model: Model, recipe: Recipe, stop: str | Sequence[str] = ()) -> Iterator[Piece]:
    """Decode a prepared request and yield its text in pieces. The request then holds its trace and finish reason."""
    answer = AnswerText(model.tokenizer, request.prompt, as_stop_strings(stop))
    for event in session_of(model, recipe).scheduler.run([request]):
        if request.error is not None:
            raise request.error
        for token, source in zip(event.tokens, event.sources, strict=True):
            text = answer.push(token)
            if text:
                yield Piece(text, source, [token])
            if answer.stopped:
                return
    rest = answer.finish()
    if rest:
        yield Piece(rest)


def check_options(options: Mapping[str, Any]) -> None:
    """UnknownNameError, with the nearest name, for options that `generate` does not have."""
    known = [name for name in inspect.signature(generate).parameters if name not in _NOT_OPTIONS]
    for option in options:
        if option not in known:
            raise UnknownNameError(f"generate has no option {option!r}: {nearest(option, known)}")


def make_result(request: Request | UserError, model: Model, stop: str | Sequence[str] = (), rule: Rule | None = None) -> Result:
    """The result of a finished request, with its text cut at stop strings. For an error in place of a request, a result with that error."""
    if isinstance(request, UserError):
        return Result("", [], "error", Trace(0), [], error=request)
    text = answer_text(model.tokenizer, request.prompt, request.generated, as_stop_strings(stop))
    answer = read_answer(rule, request, text)
    report = None if request.state is None else request.state.report
    error = request.error if answer.error is None else answer.error
    return Result(
        text, request.generated, request.finish_reason, request.trace, request.logprobs, answer.value, report, error, answer.unfinished,
        answer.partial, request.num_ending,
    )  # fmt: skip
