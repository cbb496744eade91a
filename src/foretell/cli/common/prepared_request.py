"""One request of `foretell generate`: prepared, streamed and summarised."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from foretell.cli.common.options import notice
from foretell.cli.common.printing import PieceWriter, first_seconds, logprob_lines, numbers, promise
from foretell.cli.common.program import INTERRUPTED, say
from foretell.cli.common.sampling import check_sampling, token_id
from foretell.errors import UserError

if TYPE_CHECKING:
    from foretell.api import Piece, Result
    from foretell.decoding.cost_curve import CostCurve
    from foretell.decoding.drafter import Drafter
    from foretell.decoding.recipe import Recipe
    from foretell.decoding.request import Request
    from foretell.decoding.trace import Trace
    from foretell.models.base import Model
    from foretell.parts import Guarantee
    from foretell.rules.rule import Rule


@dataclass
class PreparedRequest:
    """A request that is ready to run. origin: where the recipe came from. curve: the model's cost curve, None where it was not measured.
    retries: how often to ask again where an answer has no value. prompt, chat: the prompt, and whether text is a message. make: makes
    further requests, from a prompt and a seed. result: of the request that was shown, once it has run."""

    model: Model
    recipe: Recipe
    origin: str
    request: Request
    stop: Sequence[str]
    curve: CostCurve | None
    rule: Rule | None
    retries: int
    prompt: Any
    chat: bool
    make: Callable[[Any, int], Request | UserError]
    result: Result | None = None

    @classmethod
    def prepare(
        cls,
        model: Model,
        recipe: Recipe | None,
        text: str,
        system: str | None,
        raw: bool,
        sampling: Mapping[str, Any],
        biases: Mapping[str, float],
        max_new_tokens: int,
        stop: Sequence[str],
        seed: int,
        logprobs: int | None,
        rule: Rule | None = None,
        parse_special: bool = False,
        retries: int = 0,
        ending: bool = True,
    ) -> PreparedRequest:
        """A request from the command line's options. Raises UserError for whatever can be refused before a token is generated."""
        from foretell.bench.tuning.tuned_recipe import tuned_recipe
        from foretell.decoding.pacing.measured_curve import known_curve
        from foretell.models.instructions import with_instructions
        from foretell.prepare import behind_forced, default_recipe, make_requests, session_of
        from foretell.retrying import check_retries

        if rule is not None and rule.tools is not None and raw:
            raise UserError("--tools needs the chat template that --raw leaves out; remove one of them")
        if system is not None and raw:
            raise UserError("--system needs the chat template that --raw leaves out; remove one of them")
        origin = "as asked"
        if recipe is None:
            tuned = tuned_recipe(model)
            recipe, origin = (tuned[0], f"from {tuned[1]}") if tuned else (default_recipe(model), "the default recipe")
            check_sampling(sampling, bool(biases), recipe)
            if rule is not None:
                recipe = behind_forced(recipe)
        prompt: Any = text if system is None else with_instructions([{"role": "user", "content": text}], system, model.tokenizer)
        options = dict(sampling, logit_bias={token_id(model, token): bias for token, bias in biases.items()})

        def make(prompt: Any, seed: int) -> Request | UserError:
            [made] = make_requests(
                [prompt], model, recipe, max_new_tokens=max_new_tokens, stop=stop, seed=seed, logprobs=logprobs, chat=not raw, rule=rule,
                parse_special=parse_special, ending=ending, **options,
            )  # fmt: skip
            return made

        request = make(prompt, seed)
        if isinstance(request, UserError):
            raise request
        check_retries(retries, [prompt], [request], not raw, rule is not None)
        measuring = recipe.needs.curve and known_curve(model) is None
        with notice("measuring this machine, once" if measuring else "preparing"):
            session_of(model, recipe)
        return cls(model, recipe, origin, request, stop, known_curve(model), rule, retries, prompt, not raw, make)

    def show(self, color: bool, as_json: bool, quiet: bool) -> int:
        """Run the request: stream the text, then print the summary. Returns the exit code."""
        from foretell.api import make_result, stream_request

        writer, interrupted = PieceWriter(color, _names(self.recipe.drafter), show=not as_json), False
        try:
            pieces = self._finished() if as_json or self.retries else stream_request(self.request, self.model, self.recipe, self.stop)
            with notice("reading the prompt"):  # the first time on a machine, engines compile their kernels here
                first = next(pieces, None)
            for piece in chain([first] if first is not None else [], pieces):
                writer.write(piece)
        except KeyboardInterrupt:
            interrupted = True
        writer.end()
        request, trace = self.request, self.request.trace
        reason = "interrupted" if interrupted else request.finish_reason
        self.result = result = self.result or make_result(request, self.model, self.stop, self.rule)
        if as_json:
            print(json.dumps(self.to_dict(result, reason), ensure_ascii=False))
        elif request.num_logprobs is not None and self.model.tokenizer is not None:
            for line in logprob_lines(request.logprobs, self.model.tokenizer):
                say(line)
        if not interrupted and result.error is not None:
            say(f"rejected: {' '.join(str(result.error).split())}", "yellow")
        elif not interrupted and result.unfinished:
            say(f"unfinished: {_in_options(result.unfinished)}{'; raise it' if reason == 'length' else ''}", "yellow")
        if request.num_ending:
            last = "token ends" if request.num_ending == 1 else f"{request.num_ending} tokens end"
            say(f"ended: the last {last} the answer within --max-new-tokens; raise it for more", "yellow")
        if interrupted:
            say(f"interrupted after {trace.num_tokens} tokens", "yellow")
        if not quiet and not as_json:
            if sys.stderr.isatty():
                say("")  # apart from the text, where both are on one screen
            if color:
                say(writer.legend(trace))
            say(numbers(trace, self.curve, reason), "dim")
            if request.state is not None and request.state.report is not None:
                say(str(request.state.report), "dim")
            say(f"{self.recipe} ({self.origin})", "dim")
            say(self.promise, "dim")
        return INTERRUPTED if interrupted else int(not result.has_value)

    def _finished(self) -> Iterator[Piece]:
        """The text as one piece, once it is known: so tokens can be taken back at dead ends of a rule, and answers asked for again."""
        from foretell.api import MAX_BACKTRACKS, Piece, make_result
        from foretell.prepare import session_of
        from foretell.retrying import with_retries

        def run(request: Request | UserError) -> Result:
            if isinstance(request, UserError):  # the prompt has become too long
                return make_result(request, self.model)
            self.request, request.max_backtracks = request, MAX_BACKTRACKS
            for _ in session_of(self.model, self.recipe).run([request]):
                pass
            return make_result(request, self.model, self.stop, self.rule)

        def ask_again(prompts: Sequence[Any], seeds: Sequence[int]) -> list[Result]:
            return [run(self.make(prompts[0], seeds[0]))]

        [self.result] = with_retries([run(self.request)], [self.prompt], [self.request], self.retries, self.chat, ask_again)
        yield Piece(self.result.text)

    @property
    def guarantee(self) -> Guarantee:
        """The weaker of the verifier's and the model's guarantee."""
        from foretell.parts import weakest

        return weakest(self.recipe.verifier.guarantee, self.model.guarantee)

    @property
    def promise(self) -> str:
        """The guarantee in words."""
        guarantee = self.guarantee
        return promise(guarantee.kind, guarantee.condition, self.request.sampler.greedy, self.rule is not None)

    def to_dict(self, answer: Result, finish_reason: str) -> dict[str, Any]:
        """The text, its parsed value under a rule, and the figures of the run as JSON types."""
        from foretell.bench.gain import gain

        request, trace = self.request, self.request.trace
        result: dict[str, Any] = {
            "text": answer.text,
            "tokens": request.generated[: trace.num_tokens],
            "finish_reason": finish_reason,
            "ending_tokens": request.num_ending,
            "guarantee": self.guarantee.kind,
            "recipe": str(self.recipe),
            "model": self.model.fingerprint,
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
        if self.rule is not None:
            result["constraint"] = repr(self.rule.constraint)
            result["obeys"] = not answer.unfinished
            result["value"] = _as_json(answer.value)
            result["unfinished"], result["partial"] = _in_options(answer.unfinished), answer.partial
            result["error"] = None if answer.error is None else str(answer.error)
            result["rejected"] = [each.text for each in answer.rejected]
        if request.num_logprobs is not None:
            result["logprobs"] = [vars(entry) for entry in request.logprobs]
        return result


def _in_options(unfinished: str) -> str:
    """A sentence about an argument, about the program's option."""
    return unfinished.replace("max_new_tokens=", "--max-new-tokens ")


def _as_json(value: Any) -> Any:
    """Tool calls as their names and arguments; other values as they are."""
    from foretell.rules.tools import ToolCall

    if isinstance(value, list):
        return [_as_json(each) for each in value]
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
