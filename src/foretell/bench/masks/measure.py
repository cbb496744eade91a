"""Measures one engine on one case: its times, and whether each instance gets the right verdict."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from foretell.bench.masks.cases import SchemaCase, SchemaInstance
from foretell.bench.masks.engines import Engine
from foretell.decoding.constraint import ConstraintState
from foretell.models.vocabulary import Vocabulary

#: Outcomes. An engine passes a case if it gives every instance the right verdict; of several faults, the worst is named.
PASS, REFUSED, WRONG_ACCEPT, WRONG_REJECT, TIMEOUT, CRASH = "pass", "compile error", "wrong accept", "wrong reject", "timeout", "crash"
OUTCOMES = (PASS, REFUSED, WRONG_REJECT, WRONG_ACCEPT, TIMEOUT, CRASH)


@dataclass
class CaseResult:
    """What one engine made of one case.

    case: its name. outcome: one of `OUTCOMES`. reason: of a fault. compile_seconds: until the state at the beginning was there.
    first_mask_seconds: until its token set was there, compiling included. Both are None where the engine did not get so far.
    mask_seconds: of each token set, with the advance to its place. num_tokens, num_forced: tokens of accepted valid instances, and those
    of them that were the only ones allowed. wrong_accepts, wrong_rejects: instances with the wrong verdict. order_rejects: of the latter,
    those that are accepted with their members in the schema's order, in which engines write.
    """

    case: str
    outcome: str = PASS
    reason: str = ""
    compile_seconds: float | None = None
    first_mask_seconds: float | None = None
    mask_seconds: list[float] = field(default_factory=list)
    num_tokens: int = 0
    num_forced: int = 0
    wrong_accepts: list[str] = field(default_factory=list)
    wrong_rejects: list[str] = field(default_factory=list)
    order_rejects: list[str] = field(default_factory=list)


def measure(
    engine: Engine, case: SchemaCase, vocabulary: Vocabulary, compiled: Callable[[float], None] = lambda seconds: None
) -> CaseResult:
    """Compile the schema and feed the engine each instance token by token.

    compiled: told the seconds that compiling took. An instance is accepted if each token that the model's tokenizer makes of it is in the
    token set before it, and the text may end after the last. Exceptions of the engine are outcomes.
    """
    result = CaseResult(case.name)
    begin = time.perf_counter()
    try:
        start = engine(case.schema, vocabulary)
    except (ValueError, RecursionError) as error:
        result.outcome, result.reason = REFUSED, _line(error)
        result.compile_seconds = time.perf_counter() - begin
        return result
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic in Rust is not an Exception
        result.outcome, result.reason = CRASH, f"compiling: {_line(error)}"
        return result
    result.compile_seconds = time.perf_counter() - begin
    compiled(result.compile_seconds)
    try:
        start.allowed()
        result.first_mask_seconds = time.perf_counter() - begin
        for instance in case.instances:
            accepted = _accepts(start, instance, vocabulary, result)
            if accepted == instance.valid:
                continue
            said = instance.description or instance.text[:80]
            (result.wrong_accepts if accepted else result.wrong_rejects).append(said)
            if not accepted and _accepts(start, _in_order(case, instance), vocabulary, CaseResult(case.name)):
                result.order_rejects.append(said)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        result.outcome, result.reason = CRASH, f"after {len(result.mask_seconds)} token sets: {_line(error)}"
        return result
    if result.wrong_accepts or result.wrong_rejects:
        result.outcome = WRONG_ACCEPT if result.wrong_accepts else WRONG_REJECT
        result.reason = "; ".join(result.wrong_accepts or result.wrong_rejects)
    return result


def _accepts(state: ConstraintState, instance: SchemaInstance, vocabulary: Vocabulary, result: CaseResult) -> bool:
    tokens, forced = vocabulary.encode(instance.text), 0
    for token in tokens:
        begin = time.perf_counter()
        allowed = state.allowed()
        result.mask_seconds.append(time.perf_counter() - begin)
        if token not in allowed:
            return False
        forced += allowed.only is not None
        state = state.advance(token)
    begin = time.perf_counter()
    allowed = state.allowed()
    result.mask_seconds.append(time.perf_counter() - begin)
    accepted = any(token in allowed for token in vocabulary.stop_tokens)
    if accepted and instance.valid:
        result.num_tokens, result.num_forced = result.num_tokens + len(tokens), result.num_forced + forced
    return accepted


def _in_order(case: SchemaCase, instance: SchemaInstance) -> SchemaInstance:
    """The instance with its members in the schema's order; unchanged where our constraint refuses the schema."""
    from foretell.rules.constraints.json_schema import JsonSchema

    try:
        return replace(instance, text=JsonSchema(case.schema).canonical_text(json.loads(instance.text)))
    except ValueError:
        return instance


def _line(error: BaseException) -> str:
    words = " ".join(str(error).split())
    return words[:300] or type(error).__name__
