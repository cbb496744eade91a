"""`foretell extract`: the most probable span of a passage as the answer to a question."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Annotated

import typer

from foretell.cli.common.options import Device, Dtype, ModelName, Threads, load_model, notice, switch
from foretell.cli.common.prompt import read_prompt
from foretell.errors import UserError

EXAMPLES = ("""echo "The lamp was bought by Mira Tanaka in 1987." | foretell extract "Who bought the lamp?" --passage -""",)
_STOP = "A text that ends an answer, in addition to the model's stop tokens; the score of a span includes its probability; repeatable."
_PROMPT = "The prompt, with {passage} and {question} as placeholders."
_CHAT = "Use the model's chat template; best with --retokenize."
_RETOKENIZE = "Tokenise each span on its own, as it would follow the prompt."
_NODES = "Stop after expanding N prefixes of spans, and report how much more probable an unseen span may be."


def extract(
    question: Annotated[str, typer.Argument(help="The question.", show_default=False)],
    passage: Annotated[
        str,
        typer.Option("--passage", "-p", metavar="FILE|-", help="The file with the passage; `-` reads standard input.", show_default=False),
    ],
    top: Annotated[int, typer.Option("--top", "-k", metavar="K", help="Number of spans to print, the best first.")] = 1,
    max_tokens: Annotated[int, typer.Option("--max-tokens", "-n", metavar="N", help="Most tokens of a span.")] = 32,
    stop: Annotated[list[str] | None, typer.Option(metavar="TEXT", help=_STOP + " By default a line break.", show_default=False)] = None,
    prompt: Annotated[str | None, typer.Option(metavar="TEXT", help=_PROMPT, show_default=False)] = None,
    chat: Annotated[bool, switch("chat", _CHAT)] = False,
    retokenize: Annotated[bool, switch("retokenize", _RETOKENIZE)] = False,
    most_nodes: Annotated[int, typer.Option("--most-nodes", metavar="N", help=_NODES)] = 10_000,
    within: Annotated[float | None, typer.Option(metavar="MS", help="Stop the search after this time.", show_default=False)] = None,
    gap: Annotated[bool, switch("gap", "Compare with greedy decoding, without and with the constraint.")] = False,
    model: ModelName = None,
    dtype: Dtype = None,
    device: Device = None,
    threads: Threads = None,
    as_json: Annotated[bool, switch("json", "Print one JSON object.", "Output")] = False,
    quiet: Annotated[bool, switch("quiet", "Print only the spans.", "Output", "-q")] = False,
) -> None:
    """Find the span of a passage that is the most probable answer under the model, among all spans that cut no word, with a proof.

    Spans are written to standard output; the passage with the best span marked, its score and the proof to standard error.
    """
    if within is not None and not within > 0:
        raise UserError(f"--within {within:g} must be greater than 0 milliseconds")
    if passage == "-" and sys.stdin.isatty():
        raise UserError("--passage - reads standard input, which is a terminal; name a file or pipe the passage in")
    text = read_prompt(None, None) if passage == "-" else read_prompt(None, Path(passage), joined=False)
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
    show(found, text, loaded, as_json, quiet)
