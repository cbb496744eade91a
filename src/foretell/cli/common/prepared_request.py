"""One request of `foretell generate`: prepared, streamed and summarised."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

from foretell.cli.common.model_fields import model_fields
from foretell.cli.common.options import notice, reading
from foretell.cli.common.printing import PieceWriter, first_seconds, logprob_lines, numbers, promise
from foretell.cli.common.program import INTERRUPTED, say
from foretell.cli.common.sampling import SAMPLING, check_sampling
from foretell.errors import UserError

if TYPE_CHECKING:
    from foretell.call import Call
    from foretell.decoding.cost_curve import CostCurve
    from foretell.decoding.drafter import Drafter
    from foretell.decoding.recipe import Recipe
    from foretell.decoding.request import Logprob, Request
    from foretell.decoding.trace import Trace
    from foretell.models.base import Model
    from foretell.parts import Guarantee
    from foretell.progress import ReportProgress
    from foretell.result import Piece, Result
    from foretell.rules.rule import Rule


@dataclass
class PreparedRequest:
    """A request that is ready to run. call: what it was made from. origin: where the recipe came from. curve: the model's cost curve, None
    where it was not measured. retries: how often to ask again where an answer has no value."""

    call: Call
    origin: str
    prompt: Any
    request: Request
    curve: CostCurve | None
    retries: int = 0
    _result: Result | None = field(default=None, init=False)

    @classmethod
    def prepare(
        cls,
        model: Model,
        recipe: Recipe | None,
        text: str,
        system: str | None,
        options: Mapping[str, Any],
        rule: Rule | None = None,
        retries: int = 0,
    ) -> PreparedRequest:
        """A request from the command line's options. Raises UserError for whatever can be refused before a token is generated.

        options: those of `generate` for requests.
        """
        from foretell.call import Call
        from foretell.decoding.pacing.measured_curve import known_curve
        from foretell.retrying import check_retries

        recipe, origin = choose_recipe(model, recipe, rule is not None, options)
        call = Call.read(model, recipe, options, rule=rule)
        prompt = with_system(text, system, model)
        [request] = call.requests([prompt], max_backtracks=0)
        if isinstance(request, UserError):
            raise request
        check_retries(retries, [prompt], [request], call.chat, rule is not None)
        measuring = recipe.needs.curve and known_curve(model) is None
        with notice("measuring this machine, once" if measuring else "preparing"):
            call.begin()
        return cls(call, origin, prompt, request, known_curve(model), retries)

    def show(self, color: bool, as_json: bool, quiet: bool) -> int:
        """Run the request: stream the text, then print the summary. Returns the exit code."""
        writer, interrupted = PieceWriter(color, _names(self.call.recipe.drafter), show=not as_json), False
        pieces: Generator[Piece] | None = None
        try:
            with reading("reading the prompt") as progress:  # the first time on a machine, engines compile their kernels here
                pieces = self._whole(progress) if as_json or self.retries else self._stream(progress)
                first = next(pieces, None)
            for piece in chain([first] if first is not None else [], pieces):
                writer.write(piece)
        except KeyboardInterrupt:
            interrupted = True
        if pieces is not None:
            pieces.close()
        writer.end()
        result = self._result or self.call.result(self.request, self.prompt)
        reason = "interrupted" if interrupted else result.finish_reason
        if as_json:
            print(json.dumps(self.to_dict(result, reason), ensure_ascii=False))
        elif result.logprobs and self.call.model.tokenizer is not None:
            for line in logprob_lines(result.logprobs, self.call.model.tokenizer):
                say(line)
        self._remarks(result, reason)
        if not quiet and not as_json:
            if sys.stderr.isatty():
                say("")  # apart from the text, where both are on one screen
            if color:
                say(writer.legend(result.trace))
            if result.report is not None:
                say(str(result.report), "dim")
            say(self.summary(result, reason), "dim")
            if logging.getLogger("foretell").isEnabledFor(logging.INFO):
                say(f"{self.call.recipe} ({self.origin})", "dim")
                say(self.promise, "dim")
        return INTERRUPTED if interrupted else int(not result.has_value)

    def _remarks(self, result: Result, reason: str) -> None:
        """Say what is not as asked: a value that was rejected, a text that is unfinished, was ended or was interrupted."""
        from foretell.rules.answer import closed_advice

        if reason != "interrupted" and result.error is not None:
            say(f"rejected: {' '.join(str(result.error).split())}", "yellow")
        elif reason != "interrupted" and result.unfinished:
            remedy = {"length": "; raise it", "timeout": "; raise it"}.get(reason, "")
            say(f"unfinished: {_in_options(result.unfinished)}{remedy}", "yellow")
        if result.num_ending:
            last = "token ends" if result.num_ending == 1 else f"{result.num_ending} tokens end"
            advice = "" if self.call.rule is None else closed_advice(self.call.rule, result.value)
            also = f"; {_in_options(advice)}" if advice else ""
            say(f"ended: the last {last} the answer within --max-new-tokens; raise it for more{also}", "yellow")
        if reason == "interrupted":
            say(f"interrupted after {result.trace.num_tokens} tokens", "yellow")

    def _stream(self, progress: ReportProgress) -> Generator[Piece]:
        """The text in pieces, as they are generated."""
        from foretell.streaming import Stream

        with Stream(self.call, self.request, self.prompt, progress) as stream:
            yield from stream

    def _whole(self, progress: ReportProgress) -> Generator[Piece]:
        """The text as one piece, once it is known: so tokens can be taken back at dead ends of a rule, and answers asked for again."""
        from foretell.api import answer_requests
        from foretell.call import MAX_BACKTRACKS
        from foretell.result import Piece

        self.request.max_backtracks = MAX_BACKTRACKS
        [result] = answer_requests(self.call, [self.request], [self.prompt], self.retries, progress=progress)
        self._result = result
        yield Piece(result.text)

    def summary(self, result: Result, reason: str) -> str:
        """One line: tokens, speed, guarantee, and the seed where it matters."""
        parts = [numbers(result.trace, self.curve, reason), self.guarantee.kind if self.guarantee.kind == "exact" else self.promise]
        return "; ".join(parts) + ("" if self.request.sampler.greedy else f"; seed {result.seed}")

    @property
    def guarantee(self) -> Guarantee:
        """The weaker of the verifier's and the model's guarantee."""
        from foretell.parts import weakest

        return weakest(self.call.recipe.verifier.guarantee, self.call.model.guarantee)

    @property
    def promise(self) -> str:
        """The guarantee in words."""
        guarantee = self.guarantee
        return promise(guarantee.kind, guarantee.condition, self.request.sampler.greedy, self.call.rule is not None)

    def to_dict(self, answer: Result, finish_reason: str) -> dict[str, Any]:
        """The text, its parsed value under a rule, and the figures of the run as JSON types."""
        from foretell.bench.gain import gain

        trace, model = answer.trace, self.call.model
        result: dict[str, Any] = {
            "text": answer.text,
            "tokens": answer.tokens[: trace.num_tokens],
            "finish_reason": finish_reason,
            "ending_tokens": answer.num_ending,
            "seed": answer.seed,
            "guarantee": self.guarantee.kind,
            "recipe": str(self.call.recipe),
            **model_fields(model),
            "trace": {
                "prompt_tokens": trace.prompt_length,
                "steps": len(trace.decode_steps),
                "tokens_per_step": trace.tokens_per_step,
                "tokens_per_second": trace.tokens_per_second,
                "first_token_seconds": first_seconds(trace),
                "gain_over_plain": gain(trace, self.curve) if self.curve is not None else None,
                "seconds": trace.seconds,
                "tokens_by_source": {source or "model": num for source, num in trace.sources.items()},
                **_turns(trace),
                "acceptance_by_depth": trace.acceptance(),
                "ties": trace.ties,
            },
        }
        if self.call.rule is not None:
            result["constraint"] = repr(self.call.rule.constraint)
            result["obeys"] = not answer.unfinished
            result["value"] = as_json_value(answer.value)
            result["unfinished"], result["partial"] = _in_options(answer.unfinished), answer.partial
            result["error"] = None if answer.error is None else str(answer.error)
            result["rejected"] = [each.text for each in answer.rejected]
        if self.request.num_logprobs is not None:
            result["logprobs"] = [with_texts(entry, model.tokenizer) for entry in answer.logprobs]
        return result


def with_texts(entry: Logprob, tokenizer: Any) -> dict[str, Any]:
    """A token's log-probability and the best tokens there, each with its text."""
    top = [{"token": token, "text": tokenizer.token_text(token), "logprob": logprob} for token, logprob in entry.top]
    return {"token": entry.token, "text": tokenizer.token_text(entry.token), "logprob": entry.logprob, "top": top}


def choose_recipe(model: Model, recipe: Recipe | None, has_rule: bool, options: Mapping[str, Any]) -> tuple[Recipe, str]:
    """The recipe, and where it came from: as asked, from a file, or the default. options: of sampling, refused beside a recipe's own."""
    from foretell.bench.tuning.tuned_recipe import tuned_recipe
    from foretell.prepare import behind_forced, default_recipe

    if recipe is not None:
        return recipe, "as asked"
    tuned = tuned_recipe(model)
    recipe, origin = (tuned[0], f"from {tuned[1]}") if tuned else (default_recipe(model), "the default recipe")
    check_sampling({name: options[name] for name in SAMPLING if name in options}, bool(options.get("logit_bias")), recipe)
    return behind_forced(recipe) if has_rule else recipe, origin


def with_system(text: str, system: str | None, model: Model) -> Any:
    """The prompt with a system message before it, if there is one."""
    from foretell.models.instructions import with_instructions

    return text if system is None else with_instructions([{"role": "user", "content": text}], system, model.tokenizer)


def _in_options(unfinished: str) -> str:
    """A sentence about an argument, about the program's option."""
    for argument, option in (("max_new_tokens=", "--max-new-tokens "), ("closed=True", "--closed"), ("the timeout", "--timeout")):
        unfinished = unfinished.replace(argument, option)
    return unfinished


def as_json_value(value: Any) -> Any:
    """Tool calls as their names and arguments; other values as they are."""
    from foretell.rules.tools import ToolCall

    if isinstance(value, list):
        return [as_json_value(each) for each in value]
    return {"name": value.name, "arguments": value.arguments} if isinstance(value, ToolCall) else value


def _turns(trace: Trace) -> dict[str, Any]:
    """Tokens and rows of each member of a group of models; nothing for a single model."""
    if not trace.speakers:
        return {}
    by_member = [trace.speakers.count(member) for member in range(len(trace.work))]
    return {"tokens_by_member": by_member, "rows_by_member": trace.work, "switches": trace.switches}


def _names(drafter: Drafter) -> list[str]:
    """The names of a drafter's parts in the order of the recipe, or its own name."""
    return [name for part in getattr(drafter, "drafters", ()) for name in _names(part)] or [drafter.name]
