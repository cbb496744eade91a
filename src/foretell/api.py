"""The main function of the library, `generate`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack, overload

from foretell import arguments
from foretell.call import Call
from foretell.decoding.constraint import Constraint
from foretell.decoding.limit import Limit
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.sampler import Sampler
from foretell.errors import UserError
from foretell.options import ManyPrompts, ModelLike, OnePrompt, Options, check_options
from foretell.prepare import Prompt
from foretell.progress import ReportProgress, no_progress
from foretell.result import Piece, Result
from foretell.retrying import check_retries, with_retries
from foretell.rules.answer import warn_unfinished
from foretell.streaming import Stream, stream, tell_reading

#: Options of `generate`.
MANY_OPTIONS = ("n", *Options.__annotations__)


@overload
def generate(  # type: ignore[overload-overlap]  # a text is a sequence of texts too
    prompt: OnePrompt, model: ModelLike = None, recipe: Recipe | str | None = None, *, n: None = None, **options: Unpack[Options]
) -> Result: ...
@overload
def generate(  # type: ignore[overload-overlap]
    prompt: OnePrompt, model: ModelLike = None, recipe: Recipe | str | None = None, *, n: int, **options: Unpack[Options]
) -> list[Result]: ...
@overload
def generate(
    prompt: ManyPrompts, model: ModelLike = None, recipe: Recipe | str | None = None, *, n: None = None, **options: Unpack[Options]
) -> list[Result]: ...
@overload
def generate(
    prompt: ManyPrompts, model: ModelLike = None, recipe: Recipe | str | None = None, *, n: int, **options: Unpack[Options]
) -> list[list[Result]]: ...
def generate(
    prompt: Any,
    model: ModelLike = None,
    recipe: Recipe | str | None = None,
    *,
    n: int | None = None,
    max_new_tokens: int | None = 256,
    temperature: float | None = 0.0,
    top_k: int | None = 0,
    top_p: float | None = 1.0,
    min_p: float | None = 0.0,
    repetition_penalty: float | None = 1.0,
    presence_penalty: float | None = 0.0,
    frequency_penalty: float | None = 0.0,
    logit_bias: Mapping[int, float] | None = None,
    sampler: Sampler | None = None,
    stop: str | Sequence[str] | None = (),
    seed: int | None = None,
    logprobs: int | bool | None = None,
    chat: bool | None = True,
    parse_special: bool | None = False,
    schema: Any = None,
    regex: str | re.Pattern[str] | None = None,
    grammar: str | Path | None = None,
    choices: Sequence[str] | None = None,
    tools: Sequence[Any] | None = None,
    tool_choice: Any = None,
    parallel_tool_calls: bool | None = None,
    constraint: Constraint | str | None = None,
    closed: bool | None = False,
    bounds: Any = None,
    show_schema: bool | None = False,
    ending: bool | None = True,
    timeout: float | None = None,
    retries: int | None = 0,
    max_batch: int | None = 16,
    **unknown: Any,
) -> Any:
    """Continue a prompt, or each of a list of prompts: a `Result`, or a list of them. With n, a list of n results for each prompt.

    A prompt that cannot be decoded raises its error. In a list, it gives a `Result` with that `error`, and the other prompts are decoded.
    Thread-safe: prompts of several threads share the model's batch, and no text depends on the others.

    prompt: text; a chat as a list of {"role": ..., "content": ...}, whose content is text or a list of {"type": "text", "text": ...};
    or token ids, which are fed as they are. model: from `foretell.load`, or an id or path; None is the default model. recipe: a
    `Recipe` or its short text; None is `default_recipe(model)`. temperature 0 is greedy; the other sampling options are those of
    transformers and the OpenAI API, or pass a `sampler`. stop: texts that end the answer and are cut off it. n: how many answers to a
    prompt are sampled; each reads the prompt itself. seed: the same seed gives the same answers, whatever the batch; None draws one, which
    `Result.seed` says. Answer j to prompt i is sampled with seed + n * i + j. timeout: seconds after which all that has not ended does,
    with what it has and the finish reason "timeout"; they begin once the model is loaded. logprobs: report the log-probability, in nats,
    of each token and of this many best tokens; True is 0. chat: put a text prompt into the model's chat template as the user's turn.
    parse_special: read names of control tokens in prompts and messages ("<|im_end|>") as these tokens, for prompts that write the template
    themselves; by default they are text like any other.

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

    An option that is None has its default; NumPy's and torch's numbers are read as Python's. Raises UserError for a value that is of
    the wrong kind or out of its range, and for an option that does not exist; OSError for files that cannot be read.

    >>> import foretell as ft
    >>> ft.generate("The capital of France is", max_new_tokens=8).text  # doctest: +SKIP
    'The capital of France is Paris.'
    """
    given = {name: value for name, value in locals().items() if name not in ("prompt", "model", "recipe", "unknown")}
    check_options("generate", unknown, MANY_OPTIONS)
    return answer_prompts(prompt, model, recipe, given, Limit())


def answer_prompts(prompt: Any, model: Any, recipe: Recipe | str | None, given: Mapping[str, Any], limit: Limit) -> Any:
    """`generate` with options as given, and a limit by which another thread may end it."""
    options = arguments.options(given)
    prompts, is_list = arguments.split_prompts(prompt)
    n, max_batch, retries = options.pop("n", None), options.pop("max_batch", 16), options.pop("retries", 0)
    call = Call.read(model, recipe, options, limit)
    requests = call.requests(prompts, n or 1)
    prompts = [each for each in prompts for _ in range(n or 1)]  # one for each request
    check_retries(retries, prompts, requests, call.chat, call.rule is not None)
    call.begin()
    results = answer_requests(call, requests, prompts, retries, max_batch)
    warn_unfinished(results)
    if not is_list and results[0].finish_reason == "error" and results[0].error is not None:
        raise results[0].error
    if n is None:
        return results if is_list else results[0]
    return [results[i : i + n] for i in range(0, len(results), n)] if is_list else results


def answer_requests(
    call: Call,
    requests: Sequence[Request | UserError],
    prompts: Sequence[Prompt],
    retries: int = 0,
    max_batch: int = 16,
    progress: ReportProgress = no_progress,
) -> list[Result]:
    """The results of requests of a call that has begun; prompts: what each was made from. progress: told of prompts that are read."""

    def run(requests: Sequence[Request | UserError], prompts: Sequence[Prompt]) -> list[Result]:
        valid = [request for request in requests if isinstance(request, Request)]
        for event in call.session.scheduler.run(valid, max_batch):
            tell_reading(event, progress)
        return [call.result(request, prompt) for request, prompt in zip(requests, prompts, strict=True)]

    def ask_again(prompts: Sequence[Prompt], seeds: Sequence[int]) -> list[Result]:
        return run([call.requests([prompt], seed=seed)[0] for prompt, seed in zip(prompts, seeds, strict=True)], prompts)

    return with_retries(run(requests, prompts), prompts, requests, retries, call.chat, ask_again)


__all__ = ["Piece", "Result", "Stream", "answer_prompts", "generate", "stream"]
