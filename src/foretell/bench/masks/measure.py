"""One engine on one case: what it takes, and whether each instance gets the right verdict."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from foretell.bench.masks.cases import Case, Instance
from foretell.bench.masks.engines import Engine
from foretell.decoding.constraint import ConstraintState
from foretell.models.vocabulary import Vocabulary

#: Outcomes. An engine passes a case when it gives every instance the right verdict; with several faults the worst is named.
PASS, REFUSED, WRONG_ACCEPT, WRONG_REJECT, TIMEOUT, CRASH = "pass", "compile error", "wrong accept", "wrong reject", "timeout", "crash"
OUTCOMES = (PASS, REFUSED, WRONG_REJECT, WRONG_ACCEPT, TIMEOUT, CRASH)


@dataclass
class Measured:
    """compile_seconds: until the state at the beginning was there. first_mask_seconds: until its token set was, compiling included. None
    where it did not come to that. mask_seconds: of each token set, leading the engine to its place included. num_tokens, num_forced:
    tokens of accepted valid instances, and those that were the only ones allowed. wrong_accepts, wrong_rejects: those instances.
    order_rejects: of the latter, those that are accepted once their members come in the schema's order, as engines write them."""

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


def measure(engine: Engine, case: Case, vocabulary: Vocabulary, compiled: Callable[[float], None] = lambda seconds: None) -> Measured:
    """Compile the schema and lead the engine through each instance token by token; `compiled` is told the seconds of the first.

    Guarantee: an instance is accepted if each of its tokens, as the model's tokenizer cuts it, is in the token set before it and the text
    may end after the last. Errors of the engine are outcomes.
    """
    found = Measured(case.name)
    begin = time.perf_counter()
    try:
        start = engine(case.schema, vocabulary)
    except (ValueError, RecursionError) as error:
        found.outcome, found.reason = REFUSED, _line(error)
        found.compile_seconds = time.perf_counter() - begin
        return found
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic of Rust's is no Exception
        found.outcome, found.reason = CRASH, f"compiling: {_line(error)}"
        return found
    found.compile_seconds = time.perf_counter() - begin
    compiled(found.compile_seconds)
    try:
        start.allowed()
        found.first_mask_seconds = time.perf_counter() - begin
        for instance in case.instances:
            accepted = _accepts(start, instance, vocabulary, found)
            if accepted == instance.valid:
                continue
            said = instance.description or instance.text[:80]
            (found.wrong_accepts if accepted else found.wrong_rejects).append(said)
            if not accepted and _accepts(start, _in_order(case, instance), vocabulary, Measured(case.name)):
                found.order_rejects.append(said)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        found.outcome, found.reason = CRASH, f"after {len(found.mask_seconds)} token sets: {_line(error)}"
        return found
    if found.wrong_accepts or found.wrong_rejects:
        found.outcome = WRONG_ACCEPT if found.wrong_accepts else WRONG_REJECT
        found.reason = "; ".join(found.wrong_accepts or found.wrong_rejects)
    return found


def _accepts(state: ConstraintState, instance: Instance, vocabulary: Vocabulary, found: Measured) -> bool:
    tokens, forced = vocabulary.encode(instance.text), 0
    for token in tokens:
        begin = time.perf_counter()
        allowed = state.allowed()
        found.mask_seconds.append(time.perf_counter() - begin)
        if token not in allowed:
            return False
        forced += allowed.only is not None
        state = state.advance(token)
    begin = time.perf_counter()
    allowed = state.allowed()
    found.mask_seconds.append(time.perf_counter() - begin)
    accepted = any(token in allowed for token in vocabulary.stop_tokens)
    if accepted and instance.valid:
        found.num_tokens, found.num_forced = found.num_tokens + len(tokens), found.num_forced + forced
    return accepted


def _in_order(case: Case, instance: Instance) -> Instance:
    """The instance with its members in the schema's order; as it is where we cannot read the schema."""
    from foretell.rules.constraints.json_schema import JsonSchema

    try:
        return replace(instance, text=JsonSchema(case.schema).canonical_text(json.loads(instance.text)))
    except ValueError:
        return instance


def _line(error: BaseException) -> str:
    words = " ".join(str(error).split())
    return words[:300] or type(error).__name__
