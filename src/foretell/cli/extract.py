"""`foretell extract`: the span of a passage that answers a question best, of all spans."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Annotated

import typer

from foretell.cli.common.options import Device, Dtype, ModelName, Threads, load_model, notice, switch
from foretell.cli.common.prompt import read_prompt
from foretell.errors import UserError

_STOP = "Texts that end an answer, beside the model's own stop tokens; a span's score counts the chance of each; repeatable."
_PROMPT = "What the model reads, with {passage} and {question} in their places."
_CHAT = "Put the prompt into the model's chat template; best with --retokenize."
_RETOKENIZE = "Tokenise each span for itself, as it would stand after the prompt."
_NODES = "Give up after reading so many beginnings of spans, and say how much better a span may exist."


def extract(
    question: Annotated[str, typer.Argument(help="What the passage is asked.", show_default=False)],
    passage: Annotated[str, typer.Option("--passage", "-p", metavar="FILE|-", help="The passage; `-` reads a pipe.", show_default=False)],
    top: Annotated[int, typer.Option("--top", "-k", metavar="K", help="How many spans, the best first.")] = 1,
    max_tokens: Annotated[int, typer.Option("--max-tokens", "-n", metavar="N", help="Longest span.")] = 32,
    stop: Annotated[list[str] | None, typer.Option(metavar="TEXT", help=_STOP + " A line break by default.", show_default=False)] = None,
    prompt: Annotated[str | None, typer.Option(metavar="TEXT", help=_PROMPT, show_default=False)] = None,
    chat: Annotated[bool, switch("chat", _CHAT)] = False,
    retokenize: Annotated[bool, switch("retokenize", _RETOKENIZE)] = False,
    most_nodes: Annotated[int, typer.Option("--most-nodes", metavar="N", help=_NODES)] = 10_000,
    within: Annotated[float | None, typer.Option(metavar="MS", help="Search no longer than this.", show_default=False)] = None,
    gap: Annotated[bool, switch("gap", "Compare with greedy decoding, left free and under the same rule.")] = False,
    model: ModelName = None,
    dtype: Dtype = None,
    device: Device = None,
    threads: Threads = None,
    as_json: Annotated[bool, switch("json", "Print one JSON object.", "Output")] = False,
    quiet: Annotated[bool, switch("quiet", "Only the spans.", "Output", "-q")] = False,
) -> None:
    """Find the span of a passage that the model thinks the most probable answer, of all spans that cut no word, and prove it.

    Spans go to stdout; the passage with the best one marked, its score and the proof to stderr.
    """
    if within is not None and not within > 0:
        raise UserError(f"--within {within:g} must be above 0 milliseconds")
    if passage == "-" and sys.stdin.isatty():
        raise UserError("--passage - reads a pipe, but there is none; give a file")
    text = read_prompt(None, None) if passage == "-" else read_prompt(None, Path(passage))
    from foretell.cli.common.spans import show
    from foretell.decoding.searches.best_first_search import BestFirstSearch
    from foretell.extraction import PROMPT
    from foretell.extraction import extract as ask

    search = BestFirstSearch(most_nodes=most_nodes)
    loaded = load_model(model, dtype, device, threads)
    with notice("reading the passage"):
        found = ask(
            question, text, loaded, top=top, max_tokens=max_tokens, stop=stop or "\n", prompt=prompt or PROMPT, chat=chat,
            retokenize=retokenize, search=search, max_seconds=math.inf if within is None else within / 1000, greedy_gap=gap,
        )  # fmt: skip
    show(found, text, loaded.fingerprint, as_json, quiet)
