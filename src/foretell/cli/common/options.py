"""Options shared by several verbs, and loading the model that they name."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foretell import arguments
from foretell.errors import UserError

if TYPE_CHECKING:
    from foretell.decoding.recipe import Recipe
    from foretell.models.base import Model
    from foretell.progress import Progress, ReportProgress


def number(name: str, metavar: str, panel: str, help: str, *short: str) -> Any:
    """An option whose default is None, "not given", so that the help text states the default."""
    return typer.Option(f"--{name}", *short, metavar=metavar, show_default=False, help=help, rich_help_panel=panel)


def switch(name: str, help: str, panel: str | None = None, *short: str) -> Any:
    """An option without a value, off by default."""
    return typer.Option(f"--{name}", *short, metavar="", show_default=False, help=help, rich_help_panel=panel)


ModelName = Annotated[
    str | None,
    number(
        "model", "PATH|ID", "Model", "A folder with config.json, a GGUF file, a Hugging Face id, or a name of `foretell list models`.", "-m"
    ),
]
ParseSpecial = Annotated[
    bool, switch("parse-special", "Read names of control tokens in the prompt, such as <|im_end|>, as these tokens, not as text.")
]
Small = Annotated[
    str | None, number("small", "PATH|ID", "Model", "A smaller model of the same family, which takes turns with --model; needs --router.")
]
RouterText = Annotated[
    str | None,
    number(
        "router",
        "TEXT",
        "Model",
        "Which of the two models writes the next token, such as `entropy-adaptive(threshold=0.5)`; `foretell list router` shows all.",
    ),
]
Dtype = Annotated[str | None, number("dtype", "TYPE", "Model", "int8 (a CPU's default), fp32, bf16 (CUDA's default) or fp16.")]
Device = Annotated[str | None, number("device", "NAME", "Model", "cpu, cuda, cuda:1, mps; by default CUDA where there is one.")]
Threads = Annotated[int | None, number("threads", "N", "Model", "Number of CPU threads; chosen by the engine by default.")]

ReportFile = Annotated[
    Path | None, number("report", "FILE.html", "Output", "Write an HTML page with plots; it needs `pip install 'foretell[reports]'`.")
]

Temperature = Annotated[
    float | None,
    number("temperature", "X", "Sampling", "Sampling temperature: 0 (default) is greedy, 1 the model's own distribution.", "-t"),
]
TopK = Annotated[int | None, number("top-k", "N", "Sampling", "Keep the N most probable tokens; 0 (default) is off.")]
TopP = Annotated[float | None, number("top-p", "X", "Sampling", "Smallest set of tokens whose probabilities sum to X; 1 (default) is off.")]
MinP = Annotated[
    float | None, number("min-p", "X", "Sampling", "Keep tokens with at least X times the highest probability; 0 (default) is off.")
]
RepetitionPenalty = Annotated[
    float | None, number("repetition-penalty", "X", "Sampling", "Divide the logits of tokens in the text so far by X; 1 (default) is off.")
]
PresencePenalty = Annotated[
    float | None, number("presence-penalty", "X", "Sampling", "Subtract X from the logits of generated tokens; 0 (default) is off.")
]
FrequencyPenalty = Annotated[
    float | None,
    number("frequency-penalty", "X", "Sampling", "Subtract X per occurrence from the logits of generated tokens; 0 (default) is off."),
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
    """The model, or the group of models, that these options name. A notice is shown on a terminal while it loads."""
    if (small is None) != (router is None):
        given, missing = ("--small", "--router") if router is None else ("--router", "--small")
        raise UserError(f"{given} without {missing}: a smaller model needs a router, and the reverse; give both or neither")
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
def notice(doing: str) -> Iterator[Callable[[], None]]:
    """Show on a terminal what is being done, and erase it afterwards, or when the function that it gives is called."""
    if not sys.stderr.isatty():
        yield lambda: None
        return

    def erase() -> None:
        sys.stderr.write("\r\x1b[2K")
        sys.stderr.flush()

    sys.stderr.write(f"{doing} ...")
    sys.stderr.flush()
    try:
        yield erase
    finally:
        erase()


@contextmanager
def reading(doing: str, least_seconds: float = 1.0) -> Iterator[ReportProgress]:
    """A notice, which becomes a bar where the whole will take longer than `least_seconds`. Gives the function to call with `Progress`."""
    from foretell.progress import progress_bar

    began = time.perf_counter()
    with notice(doing) as erase, progress_bar(doing) as bar:

        def report(progress: Progress) -> None:
            if progress.share and (time.perf_counter() - began) / progress.share > least_seconds:
                erase()
                bar(replace(progress, label=""))

        yield report
