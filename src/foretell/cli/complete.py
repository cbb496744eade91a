"""`foretell complete`: several short continuations of a text."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from foretell.cli.common.model_fields import model_fields
from foretell.cli.common.options import Device, Dtype, ModelName, ParseSpecial, Threads, load_model, notice, switch
from foretell.cli.common.program import say
from foretell.cli.common.prompt import read_prompt
from foretell.errors import UserError

EXAMPLES = (
    'foretell complete "The capital of France is"',
    'foretell complete "def read_lines(path):" --model stdlib-nested --drafts 5 --within 200',
)
_LEARN = (
    "Learn an n-gram table from a text file or all visible files of a folder; repeatable. The table is stored in --ngrams or the cache."
)
_TABLE = "The n-gram table to use. By default the last one learned with this tokenizer; `none` uses no table."
_WITHIN = "Stop the search after this time; drafts may then be shorter."
_INTERACTIVE = (
    "Read lines from standard input: text is appended, the number of a draft appends that draft, an empty line appends a line break."
)


def complete(
    prompt: Annotated[
        str | None, typer.Argument(help="The text to continue; `-` or no argument reads standard input.", show_default=False)
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", metavar="PATH", help="Read the text from a file.")] = None,
    drafts: Annotated[
        int | None, typer.Option("--drafts", "-k", metavar="N", help="Number of drafts; by default the search's own number, 3.")
    ] = None,
    max_new_tokens: Annotated[int, typer.Option("--max-new-tokens", "-n", metavar="N", help="Most tokens of a draft; best below 20.")] = 10,
    within: Annotated[float | None, typer.Option("--within", metavar="MS", help=_WITHIN, show_default=False)] = None,
    search: Annotated[
        str, typer.Option("--search", metavar="TEXT", help="The search, by name or with options; `foretell list search` shows all.")
    ] = "superposed",
    ngrams: Annotated[str | None, typer.Option("--ngrams", metavar="PATH", help=_TABLE)] = None,
    learn: Annotated[list[Path] | None, typer.Option("--learn", metavar="PATH", help=_LEARN)] = None,
    model: ModelName = None,
    dtype: Dtype = None,
    device: Device = None,
    threads: Threads = None,
    interactive: Annotated[bool, switch("interactive", _INTERACTIVE, None, "-i")] = False,
    parse_special: ParseSpecial = False,
    as_json: Annotated[bool, switch("json", "Print one JSON object for each answer.", "Output")] = False,
) -> None:
    """Print several continuations of a text, each with its perplexity under the model, and the time per keystroke.

    Text that is piped in beside a PROMPT follows it after an empty line. With --learn and no PROMPT, only the n-gram table is learned.
    """
    asked = prompt is not None or file is not None or not (learn or interactive)
    text = read_prompt(prompt, file, joined=not interactive) if asked else ""
    if within is not None and not within > 0:
        raise UserError(f"--within {within:g} must be greater than 0 milliseconds")
    from foretell.cli.common.completion_display import CompletionDisplay
    from foretell.cli.common.ngram_tables import default_table, learn_table
    from foretell.completion import complete, make_search

    if learn and ngrams == "none":
        raise UserError("--learn and --ngrams none exclude each other; remove one of them")
    chosen = make_search(search, drafts, None)
    takes = hasattr(chosen, "ngrams")
    if not takes and (ngrams is not None or learn):
        raise UserError(f"--search {search!r} uses no n-gram table; remove --ngrams and --learn, or use superposed")
    loaded = load_model(model, dtype, device, threads)
    kept: Path | None
    if learn:
        with notice("learning"):
            kept, told = learn_table(learn, loaded, None if ngrams is None else Path(ngrams))
        say(told, "dim")
    else:
        kept = None if ngrams == "none" else Path(ngrams) if ngrams is not None else default_table(loaded)
    given = kept if takes and getattr(chosen, "ngrams", None) is None else None
    seconds = math.inf if within is None else within / 1000
    display = CompletionDisplay(
        partial(
            complete,
            model=loaded,
            max_new_tokens=max_new_tokens,
            search=chosen,
            ngrams=given,
            max_seconds=seconds,
            parse_special=parse_special,
        ),
        {"ngrams": None if given is None else str(given), **model_fields(loaded)},
        chosen.guarantee.condition,
        as_json,
    )
    if interactive:
        display.converse(text)
    elif text:
        display.once(text)
