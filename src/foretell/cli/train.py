"""`foretell train`: a small language model with early exits, from text that every machine has."""

from __future__ import annotations

import inspect
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from foretell.cli.common.options import Device, switch
from foretell.errors import UserError

_EXITS = "Layers whose state is read out too, such as 2,4,6; the last is the depth. By default the depth alone."
_TOKENIZER = "Take the tokenizer of this model in place of a new one: a draft and its target must share one."
_SCHEDULE = "all exits every step (SoFT), one early exit in turn beside the last (rotating, as LayerSkip), or the last alone (SFT)."


def train(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the model goes; a run that was interrupted there goes on.")],
    exits: Annotated[str, typer.Option(metavar="N,N,...", help=_EXITS)] = "2,4,6",
    schedule: Annotated[str, typer.Option(metavar="NAME", help=_SCHEDULE)] = "all",
    dropout: Annotated[float, typer.Option(metavar="X", help="Largest chance that a sequence skips a layer (LayerSkip).")] = 0.0,
    width: Annotated[int, typer.Option(metavar="N", help="Width of the residual stream.")] = 128,
    heads: Annotated[int, typer.Option(metavar="N", help="Attention heads.")] = 4,
    vocab: Annotated[int, typer.Option(metavar="N", help="Tokens of the new byte-level BPE.")] = 2048,
    tokenizer: Annotated[str | None, typer.Option(metavar="PATH|ID", show_default=False, help=_TOKENIZER)] = None,
    length: Annotated[int, typer.Option(metavar="N", help="Tokens of a training window.")] = 128,
    batch: Annotated[int, typer.Option(metavar="N", help="Windows a step.")] = 16,
    rate: Annotated[float, typer.Option(metavar="X", help="Highest learning rate.")] = 2e-3,
    minutes: Annotated[float, typer.Option(metavar="X", help="Time to train.")] = 5.0,
    steps: Annotated[int, typer.Option(metavar="N", help="Most steps to train.")] = 100_000,
    pause: Annotated[float | None, typer.Option(metavar="X", show_default=False, help="Stop after X minutes; call again to go on.")] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the weights and the order of the text.")] = 0,
    half: Annotated[bool, switch("half", "Save the weights as fp16, half as large.")] = False,
    device: Device = None,
    as_json: Annotated[bool, switch("json", "Print the model's card as JSON.")] = False,
) -> None:
    """Train a small language model with early exits on the source of Python's standard library.

    `foretell generate --model FOLDER` then writes with it. The folder's CARD.md says how well every exit speaks, and how it was made.
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
            raise UserError(f"--tokenizer {tokenizer!r}: that model comes without a tokenizer; name one that has")
        corpus = Corpus.build(vocab, length, seed, tokenizer=None if text is None else text.tokenizer)
    where = device or ("cuda" if torch.cuda.is_available() else "cpu")
    dtype = torch.float16 if half else torch.float32
    report = train_network(
        folder, corpus, loss, shape, settings, None if pause is None else 60 * pause, not as_json, dtype, torch.device(where)
    )
    if not report.finished:
        typer.echo(f"paused after {report.step} steps; call again to go on", err=True)
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
    """What was typed, but for what leaves the model as it is."""
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
        raise UserError(f"--exits has {text!r}, which is no layer; write for example 2,4,6") from None
