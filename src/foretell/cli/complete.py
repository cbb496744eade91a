"""`foretell complete`: several drafts of how a text may go on."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from foretell.cli.common.options import Device, Dtype, ModelName, Threads, load_model, notice, switch
from foretell.cli.common.program import say
from foretell.cli.common.prompt import read_prompt
from foretell.errors import UserError

_LEARN = "Learn an n-gram table from a text file, or from all in a folder but hidden ones; repeatable; kept in --ngrams, or for next time."
_TABLE = "An n-gram table to use; by default the one last learned with this tokenizer. `none` uses no table."
_WITHIN = "Search no longer than this; the drafts are then as long as they are."
_INTERACTIVE = "Go on asking: what you type is added to the text, a draft's number takes that draft, an empty line breaks the line."


def complete(
    prompt: Annotated[str | None, typer.Argument(help="What to complete; `-` or nothing reads a pipe.", show_default=False)] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", metavar="PATH", help="Read the text from a file.")] = None,
    drafts: Annotated[int | None, typer.Option("--drafts", "-k", metavar="N", help="How many drafts; 3, or what the search says.")] = None,
    max_new_tokens: Annotated[int, typer.Option("--max-new-tokens", "-n", metavar="N", help="Longest draft; best below 20.")] = 10,
    within: Annotated[float | None, typer.Option("--within", metavar="MS", help=_WITHIN, show_default=False)] = None,
    search: Annotated[str, typer.Option("--search", metavar="TEXT", help="See `foretell list search`.")] = "superposed",
    ngrams: Annotated[str | None, typer.Option("--ngrams", metavar="PATH", help=_TABLE)] = None,
    learn: Annotated[list[Path] | None, typer.Option("--learn", metavar="PATH", help=_LEARN)] = None,
    model: ModelName = None,
    dtype: Dtype = None,
    device: Device = None,
    threads: Threads = None,
    interactive: Annotated[bool, switch("interactive", _INTERACTIVE, None, "-i")] = False,
    as_json: Annotated[bool, switch("json", "Print one JSON object an answer.", "Output")] = False,
) -> None:
    """Show several ways in which a text may go on, with the model's own perplexity of each, and the time per keystroke.

    With --learn and no PROMPT, only the table is learned.
    """
    asked = prompt is not None or file is not None or not (learn or interactive)
    text = read_prompt(prompt, file) if asked else ""
    if within is not None and not within > 0:
        raise UserError(f"--within {within:g} must be above 0 milliseconds")
    from foretell.cli.common.drafts import Desk
    from foretell.cli.common.ngram_tables import default_table, learn_table
    from foretell.completion import complete, make_search

    if learn and ngrams == "none":
        raise UserError("--learn and --ngrams none contradict each other; drop one of them")
    chosen = make_search(search, drafts, None)
    takes = hasattr(chosen, "ngrams")
    if not takes and (ngrams is not None or learn):
        raise UserError(f"--search {search!r} has no n-gram tables; drop --ngrams and --learn, or use superposed")
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
    desk = Desk(
        partial(complete, model=loaded, max_new_tokens=max_new_tokens, search=chosen, ngrams=given, max_seconds=seconds),
        {"ngrams": None if given is None else str(given), "model": loaded.fingerprint},
        chosen.guarantee.condition,
        as_json,
    )
    if interactive:
        desk.converse(text)
    elif text:
        desk.once(text)
