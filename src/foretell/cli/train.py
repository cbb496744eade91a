"""`foretell train`: train a small language model with early exits on the source of Python's standard library."""

from __future__ import annotations

import inspect
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from foretell.cli.common.options import Device, switch
from foretell.errors import UserError

EXAMPLES = ("foretell train small --minutes 5", "foretell train draft --exits 2,4 --schedule rotating --dropout 0.1")
_EXITS = "Exit layers, in ascending order; the last is the depth of the model."
_TOKENIZER = "Use the tokenizer of this model instead of training one. A draft model must share its target's tokenizer."
_SCHEDULE = "Exits trained in a step: all (sorted fine-tuning), rotating (the last and one other in turn, as in LayerSkip), or last."


def train(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="The folder to write the model to. An interrupted run in this folder is continued.")
    ],
    exits: Annotated[str, typer.Option(metavar="N,N,...", help=_EXITS)] = "2,4,6",
    schedule: Annotated[str, typer.Option(metavar="NAME", help=_SCHEDULE)] = "all",
    dropout: Annotated[float, typer.Option(metavar="X", help="Largest probability that a sequence skips a layer (LayerSkip).")] = 0.0,
    width: Annotated[int, typer.Option(metavar="N", help="Width of the residual stream.")] = 128,
    heads: Annotated[int, typer.Option(metavar="N", help="Number of attention heads.")] = 4,
    vocab: Annotated[int, typer.Option(metavar="N", help="Vocabulary size of the byte-level BPE tokenizer.")] = 2048,
    tokenizer: Annotated[str | None, typer.Option(metavar="PATH|ID", show_default=False, help=_TOKENIZER)] = None,
    length: Annotated[int, typer.Option(metavar="N", help="Number of tokens of a training sequence.")] = 128,
    batch: Annotated[int, typer.Option(metavar="N", help="Number of sequences in a step.")] = 16,
    rate: Annotated[float, typer.Option(metavar="X", help="Peak learning rate.")] = 2e-3,
    minutes: Annotated[float, typer.Option(metavar="X", help="Training time in minutes.")] = 5.0,
    steps: Annotated[int, typer.Option(metavar="N", help="Most training steps.")] = 100_000,
    pause: Annotated[
        float | None, typer.Option(metavar="X", show_default=False, help="Pause after X minutes; the same command continues.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the initial weights and of the order of the text.")] = 0,
    half: Annotated[bool, switch("half", "Save the weights as fp16.")] = False,
    device: Device = None,
    as_json: Annotated[bool, switch("json", "Print the model's card as JSON.")] = False,
) -> None:
    """Train a small language model with early exits on the source of Python's standard library.

    `foretell generate --model FOLDER` then uses it. The folder's CARD.md gives the held-out loss of every exit and the settings.
    """
    given = locals()
    from foretell.cli.common.options import notice

    layers = tuple(_layer(text) for text in exits.split(","))
    with notice("loading"):
        import torch

        from foretell.models.load import read_text
        from foretell.models.locate import locate
        from foretell.models.shipped import CARD
        from foretell.training.card import write_card
        from foretell.training.corpus import Corpus
        from foretell.training.exit_loss import ExitLoss
        from foretell.training.network import Shape, read_card, train_network
        from foretell.training.settings import TrainSettings

        loss, shape = ExitLoss(layers, schedule=schedule, dropout=dropout), Shape(layers[-1], width, heads)
        settings = TrainSettings(steps, minutes, rate, batch=batch, seed=seed)
        text = None if tokenizer is None else read_text(locate(tokenizer))
        if tokenizer is not None and text is None:
            raise UserError(f"--tokenizer {tokenizer!r}: this model has no tokenizer; name one that has")
        corpus = Corpus.build(vocab, length, seed, tokenizer=None if text is None else text.tokenizer)
    where = device or ("cuda" if torch.cuda.is_available() else "cpu")
    dtype = torch.float16 if half else torch.float32
    report = train_network(
        folder, corpus, loss, shape, settings, None if pause is None else 60 * pause, not as_json, dtype, torch.device(where)
    )
    if not report.finished:
        typer.echo(f"paused after {report.step} steps; the same command continues", err=True)
        raise typer.Exit
    card = read_card(folder)
    if not (folder / CARD).is_file():  # a folder that was complete keeps its own
        write_card(folder, card, _command(given))
    if as_json:
        import json

        typer.echo(json.dumps(card))
    else:
        losses = ", ".join(f"layer {layer} {value:.3f}" for layer, value in card["held_out"].items())
        typer.echo(f"{folder}: {card['steps']} steps in {card['seconds']:.0f} s; held-out loss in nats a token: {losses}")


def _command(given: dict[str, Any]) -> str:
    """The command line, without the options that do not change the model."""
    words = ["foretell", "train", given["folder"].name]
    defaults = {name: parameter.default for name, parameter in inspect.signature(train).parameters.items()}
    for name, value in given.items():
        if value != defaults[name] and name not in ("folder", "pause", "device", "as_json"):
            words += [f"--{name}"] if value is True else [f"--{name}", str(value)]
    return shlex.join(words)


def _layer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UserError(f"--exits has {text!r}, which is not a layer; write for example 2,4,6") from None
