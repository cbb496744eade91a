"""`foretell complete`: several drafts of how a text may go on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from foretell.cli.common.options import Device, Dtype, ModelName, Threads, load_model, notice, switch
from foretell.cli.common.program import say
from foretell.cli.common.prompt import read_prompt

_LEARN = "Learn an n-gram table from a text file, or from all in a folder; kept in --ngrams, or in the cache folder for next time."
_TABLE = "An n-gram table to use; by default the one last learned with this tokenizer. `none` uses no table."


def complete(
    prompt: Annotated[str | None, typer.Argument(help="What to complete; `-` or nothing reads a pipe.", show_default=False)] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", metavar="PATH", help="Read the text from a file.")] = None,
    drafts: Annotated[int | None, typer.Option("--drafts", "-k", metavar="N", help="How many drafts; 3, or what the search says.")] = None,
    max_new_tokens: Annotated[int, typer.Option("--max-new-tokens", "-n", metavar="N", help="Longest draft; best below 20.")] = 10,
    search: Annotated[str, typer.Option("--search", metavar="TEXT", help="See `foretell list search`.")] = "superposed",
    ngrams: Annotated[str | None, typer.Option("--ngrams", metavar="PATH", help=_TABLE)] = None,
    learn: Annotated[Path | None, typer.Option("--learn", metavar="PATH", help=_LEARN)] = None,
    model: ModelName = None,
    dtype: Dtype = None,
    device: Device = None,
    threads: Threads = None,
    as_json: Annotated[bool, switch("json", "Print one JSON object.", "Output")] = False,
) -> None:
    """Show several ways in which a text may go on, with the model's own perplexity of each, and the time per keystroke.

    With --learn and no PROMPT, only the table is learned.
    """
    text = read_prompt(prompt, file) if learn is None or prompt is not None or file is not None else None
    from foretell.cli.common.ngram_tables import default_table, learn_table
    from foretell.completion import complete, make_search

    if learn is not None and ngrams == "none":
        raise ValueError("--learn and --ngrams none contradict each other; drop one of them")
    chosen = make_search(search, drafts, None)
    loaded = load_model(model, dtype, device, threads)
    kept: Path | None
    if learn is not None:
        with notice("learning"):
            kept, told = learn_table(learn, loaded, None if ngrams is None else Path(ngrams))
        say(told, "dim")
    else:
        kept = None if ngrams == "none" else Path(ngrams) if ngrams is not None else default_table(loaded)
    if text is None:
        return
    takes = hasattr(chosen, "ngrams")
    if not takes and (ngrams is not None or learn is not None):
        raise ValueError(f"--search {search!r} has no n-gram tables; drop --ngrams and --learn, or use superposed")
    given = kept if takes and getattr(chosen, "ngrams", None) is None else None
    with notice("reading the prompt"):  # the first time on a machine, engines compile their kernels here
        found = complete(text, loaded, max_new_tokens=max_new_tokens, search=chosen, ngrams=given)
    again = complete(text, loaded, max_new_tokens=max_new_tokens, search=chosen, ngrams=given)  # as at the next keystroke
    millis = 1000 * again.seconds
    if as_json:
        import json

        rows = [
            {"text": each.text, "tokens": each.tokens, "logprob": each.logprob, "perplexity": each.perplexity, "score": each.score}
            for each in found.drafts
        ]
        facts = {"search": found.search, "law": found.law, "ngrams": None if given is None else str(given)}
        cost = {"keystroke_ms": millis, "rescoring_ms": 1000 * again.rescoring_seconds, "passes": found.found.num_passes}
        print(json.dumps({"drafts": rows, **facts, **cost, "model": loaded.fingerprint}, ensure_ascii=False))
        return
    for number, each in enumerate(found.drafts, 1):
        print(f"{number}  {each.perplexity:8.2f}  {each.text!r}")
    say("the number before a draft is its perplexity under the model itself, not the search's score", "dim")
    say(
        f"{millis:.0f} ms a keystroke, {again.found.num_passes} passes; perplexities took {1000 * again.rescoring_seconds:.0f} ms",
        "dim",
    )
    say(f"{found.search}; n-grams: {'none' if given is None else given}", "dim")
    say(f"{found.law}: {chosen.law.condition}", "dim")
