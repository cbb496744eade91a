"""What every verb has beside its function: a help page with examples, completion of names, and messages that speak of its options."""

from __future__ import annotations

import re
from contextlib import nullcontext
from typing import Any

from typer.core import TyperCommand

from foretell.cli.common.completions import complete_value
from foretell.cli.common.interrupts import interruptible

#: Names of arguments in Python, by the parameters of verbs where these have other names.
_PYTHON = {
    "threads": ("num_threads",), "choice": ("choices",), "drafts": ("k",), "recipes": ("recipe",), "logprobs": ("num_logprobs",),
    "repetition_penalty": ("repetition",), "presence_penalty": ("presence",), "frequency_penalty": ("frequency",),
    "interval": ("coverage",),
}  # fmt: skip


class HelpPage:
    """Mixed into commands and groups: switches show no type, parameters complete names of parts, and the page ends in examples."""

    examples: tuple[str, ...] = ()

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, prepared for help and completion."""
        found = super().get_params(ctx)  # type: ignore[misc]
        for each in found:
            if getattr(each, "is_flag", False) and each.metavar is None:
                each.metavar = ""
            if getattr(each, "_custom_shell_complete", None) is None:
                each._custom_shell_complete = complete_value(each.name)
        return found

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The help page, with the examples in lines that can be copied."""
        super().format_help(ctx, formatter)  # type: ignore[misc]
        if self.examples:
            import typer

            typer.echo(" Examples:\n" + "".join(f"   {example}\n" for example in self.examples))


class Verb(HelpPage, TyperCommand):
    """A verb of the program. keeps_results: Ctrl-C is a KeyboardInterrupt, which the verb answers with what it has so far."""

    keeps_results = False

    def invoke(self, ctx: Any) -> Any:
        """Run the verb."""
        with interruptible() if self.keeps_results else nullcontext():
            return super().invoke(ctx)


def in_options(message: str, verb: Any) -> str:
    """A message about Python arguments in the words of the command line: `num_threads=0` is `--threads 0`. verb: the command that ran,
    None for none."""
    if verb is None:
        return message
    said = {}
    for each in verb.params:
        option = next((name for name in each.opts if name.startswith("--")), None) or (each.metavar or each.name.upper())
        said.update(dict.fromkeys((each.name, *_PYTHON.get(each.name, ())), option))
    pattern = rf"(?<![\w.(,-])(?:(?!error\b)[A-Za-z_]+: )?\b({'|'.join(map(re.escape, said))})=('[^']*'|\"[^\"]*\"|[^\s,;:)]+)"
    return re.sub(pattern, lambda match: f"{said[match[1]]} {_bare(match[2])}", message).replace(" or None", "")


def _bare(value: str) -> str:
    """A value as it is typed: without Python's quotes where a shell needs none."""
    inner = value[1:-1]
    return inner if value[:1] in "'\"" and re.fullmatch(r"[\w./:+-]+", inner) else value
