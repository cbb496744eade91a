"""Options that several verbs have, and loading the model that they name."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foretell import arguments
from foretell.errors import UserError

if TYPE_CHECKING:
    from foretell.decoding.recipe import Recipe
    from foretell.models.base import Model


def number(name: str, metavar: str, panel: str, help: str, *short: str) -> Any:
    """An option whose default is said in its `help`, because None, "not given", is what the verb must see."""
    return typer.Option(f"--{name}", *short, metavar=metavar, show_default=False, help=help, rich_help_panel=panel)


def switch(name: str, help: str, panel: str | None = None, *short: str) -> Any:
    """An option without a value."""
    return typer.Option(f"--{name}", *short, metavar="", show_default=False, help=help, rich_help_panel=panel)


ModelName = Annotated[
    str | None,
    number(
        "model", "PATH|ID", "Model", "A folder with config.json, a GGUF file, a Hugging Face id, or a name of `foretell list models`.", "-m"
    ),
]
Small = Annotated[
    str | None, number("small", "PATH|ID", "Model", "A smaller model of the same family that takes turns with it; needs --router.")
]
RouterText = Annotated[
    str | None, number("router", "TEXT", "Model", "Whose turn it is: `entropy-adaptive(threshold=0.5)`; `foretell list router` shows all.")
]
Dtype = Annotated[str | None, number("dtype", "TYPE", "Model", "int8 (a CPU's default), fp32, bf16 (CUDA's default) or fp16.")]
Device = Annotated[str | None, number("device", "NAME", "Model", "cpu, cuda, cuda:1, mps; by default CUDA where there is one.")]
Threads = Annotated[int | None, number("threads", "N", "Model", "Threads of the CPU's arithmetic; the engine chooses by default.")]

ReportFile = Annotated[
    Path | None, number("report", "FILE.html", "Output", "Write an HTML page with plots; it needs `pip install 'foretell[reports]'`.")
]

Temperature = Annotated[float | None, number("temperature", "X", "Sampling", "0 (default) is greedy, 1 the model's own law.", "-t")]
TopK = Annotated[int | None, number("top-k", "N", "Sampling", "Keep the N best tokens; 0 (default) is off.")]
TopP = Annotated[float | None, number("top-p", "X", "Sampling", "Keep the best that hold the mass X; 1 (default) is off.")]
MinP = Annotated[float | None, number("min-p", "X", "Sampling", "Keep what has X times the best's chance; 0 (default) is off.")]
RepetitionPenalty = Annotated[
    float | None, number("repetition-penalty", "X", "Sampling", "Divides logits of tokens seen before; 1 (default) is off.")
]
PresencePenalty = Annotated[
    float | None, number("presence-penalty", "X", "Sampling", "Taken from logits of tokens written before; 0 (default) is off.")
]
FrequencyPenalty = Annotated[
    float | None, number("frequency-penalty", "X", "Sampling", "Taken as often as they were written; 0 (default) is off.")
]
LogitBias = Annotated[
    list[str] | None, number("logit-bias", "TOKEN=X", "Sampling", "Add X to the logit of a token (id, or its text); repeatable.")
]


def load_model(
    name: str | None,
    dtype: str | None,
    device: str | None,
    threads: int | None,
    small: str | None = None,
    router: str | None = None,
) -> Model:
    """The model that these options mean, or the group of models; shows what takes time on a terminal."""
    if (small is None) != (router is None):
        given, missing = ("--small", "--router") if router is None else ("--router", "--small")
        raise UserError(f"{given} without {missing}: a smaller model and a router belong together; give both or neither")
    with notice("loading"):
        from foretell.models.load import load  # torch takes seconds
    if small is None or router is None:
        return load(name, dtype=dtype, device=device, num_threads=threads)
    from foretell.decoding.groups.model_group import load_group

    return load_group([small, name], router, dtype=dtype, device=device, num_threads=threads)


def read_recipe(text: str) -> Recipe:
    """A recipe from its short text, or from a file where the text ends in .toml."""
    from foretell.decoding.recipe import Recipe

    text = text.strip()
    return Recipe.read(arguments.path("recipe", text)) if text.endswith(".toml") else Recipe.parse(text)


@contextmanager
def notice(doing: str) -> Iterator[None]:
    """Say on the terminal what is being waited for, and take it away afterwards."""
    if not sys.stderr.isatty():
        yield
        return
    sys.stderr.write(f"{doing} ...")
    sys.stderr.flush()
    try:
        yield
    finally:
        sys.stderr.write("\r\x1b[2K")
        sys.stderr.flush()
