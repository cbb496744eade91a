"""Chat templates: the Jinja dialect that tokenizer configurations use, in a sandbox."""

from __future__ import annotations

import datetime
import functools
import json
from typing import Any

from foretell.arguments import shown
from foretell.errors import UserError

#: The most characters, elements or bits of what a template multiplies.
MOST_PLACES = 1_000_000


@functools.lru_cache(maxsize=16)
def compiled(source: str) -> Any:
    """The template, compiled; UserError if it is not valid Jinja."""
    import jinja2
    from jinja2.ext import loopcontrols

    environment = _sandbox()(trim_blocks=True, lstrip_blocks=True, extensions=[_generation_tag(), loopcontrols])
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise
    environment.globals["strftime_now"] = lambda form: datetime.datetime.now().strftime(form)
    try:
        return environment.from_string(source)
    except jinja2.TemplateError as error:
        raise UserError(f"the model's chat template is not valid Jinja ({error}); pass plain text to encode() instead") from error


def rendered(source: str, **variables: Any) -> str:
    """The text that the template writes with these variables; UserError where it refuses them or fails on them."""
    try:
        return compiled(source).render(**variables)
    except UserError:
        raise
    except Exception as error:  # templates are programs: one that indexes a missing field raises whatever Python does
        raise UserError(f"the model's chat template fails on these messages ({type(error).__name__}: {error}); pass plain text") from error


def _sandbox() -> type:
    """Jinja's sandbox, in which a product or a power cannot fill the memory either: `"a" * 10**9`, `9**(9**9)`."""
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Sandbox(ImmutableSandboxedEnvironment):
        intercepted_binops = frozenset({"*", "**"})

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            if _size(operator, left, right) > MOST_PLACES:
                raise UserError(f"the model's chat template asks for {shown(left)} {operator} {shown(right)}, which is too large; mend it")
            return super().call_binop(context, operator, left, right)

    return Sandbox


def _size(operator: str, left: Any, right: Any) -> float:
    """About how many places a product or a power has: elements of a text or list, bits of a whole number."""
    if isinstance(left, int) and isinstance(right, int):
        return left.bit_length() * right if operator == "**" else left.bit_length() + right.bit_length()
    if operator == "*" and isinstance(left, int):
        left, right = right, left
    return len(left) * right if operator == "*" and isinstance(left, str | list | tuple) and isinstance(right, int) else 0


def _to_json(value: Any, ensure_ascii: bool = False, indent: int | None = None, **options: Any) -> str:
    # Jinja's own filter escapes characters for HTML, which models have never seen.
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, **options)


def _raise(message: Any = "it gives no reason") -> None:
    raise UserError(
        f"the model's chat template refuses these messages: {message}. Most templates take an optional system message, then the user's and "
        "the assistant's in turn; a template without a system role wants those words in the first user message"
    )


def _generation_tag() -> type:
    """`{% generation %}` marks the assistant's part for training; here it only shows what is inside."""
    from jinja2 import nodes
    from jinja2.ext import Extension

    class Generation(Extension):
        tags = frozenset({"generation"})  # type: ignore[assignment]

        def parse(self, parser: Any) -> Any:
            line = next(parser.stream).lineno
            return nodes.Scope(parser.parse_statements(("name:endgeneration",), drop_needle=True)).set_lineno(line)

    return Generation
