"""`foretell phrases`: build a table of the model's own phrases, which drafts well from the first request on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from foretell.cli.common.options import Device, Dtype, ModelName, Threads, load_model, switch
from foretell.errors import UserError
from foretell.files import check_output_path

KEEPS_RESULTS = True
EXAMPLES = ("foretell phrases phrases.npz --minutes 2", "foretell phrases mine.npz --prompts prompts.txt --num 50")
_PROMPTS = "Prompts to answer, in a file as for `foretell bench`. By default the model generates prompts."
_ORDERS = "Context lengths to store, in tokens."


def phrases(
    output: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write the table to.")],
    prompts: Annotated[str | None, typer.Option(metavar="FILE", help=_PROMPTS, show_default=False)] = None,
    num: Annotated[int, typer.Option(metavar="N", help="Number of prompts to generate, or at most to read.")] = 1000,
    max_new_tokens: Annotated[int, typer.Option("--max-new-tokens", "-n", metavar="N", help="Number of tokens of each answer.")] = 160,
    minutes: Annotated[
        float, typer.Option(metavar="X", help="Stop after this many minutes, or at Ctrl-C, and save the table built so far.")
    ] = 10.0,
    orders: Annotated[str, typer.Option(metavar="N,N,...", help=_ORDERS)] = "2,1",
    width: Annotated[int, typer.Option(metavar="N", help="Number of successors stored for each context.")] = 6,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the generated prompts.")] = 0,
    model: ModelName = None,
    dtype: Dtype = None,
    device: Device = None,
    threads: Threads = None,
    as_json: Annotated[bool, switch("json", "Print one JSON object.")] = False,
) -> None:
    """Let the model answer prompts, and store the tokens it ranks highest after each context.

    Use the table with `stand(orders=(2, 1), scope="global", table="FILE")`. Answers are decoded greedily. The table changes the speed of
    a recipe, not its text.
    """
    if num < 1 or max_new_tokens < 1 or minutes <= 0:
        raise UserError(f"--num {num}, --max-new-tokens {max_new_tokens} and --minutes {minutes} must all be greater than 0")
    check_output_path(output, "FILE")
    lengths = _lengths(orders)
    from foretell.bench.prompts import read_prompts, spread
    from foretell.decoding.drafting.successors.files import save_table
    from foretell.phrases import made_up_prompts, own_phrases
    from foretell.progress import Progress, progress_bar

    read = None if prompts is None else spread(read_prompts(prompts), num)
    loaded = load_model(model, dtype, device, threads)
    with progress_bar("phrases") as bar:
        bar(Progress(0.0, "making up prompts"))
        asked = made_up_prompts(loaded, num, seed) if read is None else [loaded.tokenizer.chat(each.turns[0]) for each in read]
        tell = lambda done, tokens: bar(Progress(done, f"{tokens} tokens"))  # noqa: E731
        table = own_phrases(loaded, asked, lengths, width, max_new_tokens, 60 * minutes, tell)
    save_table(table, output, loaded, compact=True)
    size = output.stat().st_size
    if as_json:
        import json

        print(json.dumps({"file": str(output), "contexts": len(table), "prompts": len(asked), "bytes": size, "orders": lengths}))
        return
    recipe = f"adaptive-ngram + stand(orders={lengths}, scope='global', table={str(output)!r})"
    print(f"{len(table):,} contexts from answers to {len(asked):,} prompts, {size / 1e6:.1f} MB in {output}")
    print(f'try: foretell generate --recipe "{recipe}" "..."')


def _lengths(orders: str) -> tuple[int, ...]:
    try:
        return tuple(int(text) for text in orders.split(","))
    except ValueError:
        raise UserError(f"--orders {orders!r} must be whole numbers with commas between them, such as 3,2,1") from None
