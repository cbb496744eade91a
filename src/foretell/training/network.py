"""Small language models from random weights: a `Backbone` with exits, trained on a `Corpus`, in a folder that `load` reads."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from foretell.errors import UserError
from foretell.files import write_text
from foretell.json_files import read_object
from foretell.models.text import Text
from foretell.parts import require
from foretell.training.backbones.backbone import Backbone
from foretell.training.corpus import Corpus
from foretell.training.exit_loss import ExitLoss, agreement, held_out_losses
from foretell.training.settings import TrainSettings
from foretell.training.trainer import CHECKPOINT, Trainer, TrainingReport

CARD = "training.json"


@dataclass(frozen=True)
class Shape:
    """Sizes of a network; embedding and head share their weights. inner: width of the MLP (0: 8/3 of `width`, in 32s)."""

    num_layers: int = 6
    width: int = 128
    num_heads: int = 4
    inner: int = 0
    max_length: int = 1024

    def __post_init__(self) -> None:
        for name in ("num_layers", "width", "num_heads", "max_length"):
            require(getattr(self, name) >= 1, self, name, getattr(self, name), "must be at least 1")
        require(
            self.width % (2 * self.num_heads) == 0, self, "width", self.width, f"must be an even multiple of num_heads={self.num_heads}"
        )

    def build(self, vocab_size: int, end: int, seed: int = 0, tokenizer: Text | None = None) -> Backbone:
        """A new network of this shape, of the Llama family, in float32. end: the token that ends a text."""
        from transformers import LlamaConfig

        config = LlamaConfig(
            vocab_size=vocab_size,
            hidden_size=self.width,
            intermediate_size=self.inner or 32 * round(8 * self.width / 96),
            num_hidden_layers=self.num_layers,
            num_attention_heads=self.num_heads,
            num_key_value_heads=self.num_heads,
            max_position_embeddings=self.max_length,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=end,
            pad_token_id=None,
        )
        return Backbone.from_config(config, seed, tokenizer)


def train_network(
    folder: Path | str,
    corpus: Corpus,
    loss: ExitLoss,
    shape: Shape | None = None,
    settings: TrainSettings | None = None,
    pause_after: float | None = None,
    progress: bool = True,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> TrainingReport:
    """Train a network and save it in `folder` with its tokenizer, and with `training.json`: settings, and held-out loss by exit.

    A folder that is complete is left as it is; one that was interrupted, or paused after `pause_after` seconds, goes on where
    it stopped. dtype: of the saved weights; training is in float32. Raises ValueError where the folder was trained otherwise.
    """
    shape, settings, folder = shape or Shape(loss.exits[-1]), settings or TrainSettings(), Path(folder)
    require(loss.exits[-1] == shape.num_layers, loss, "exits", loss.exits, f"must end with the network's depth, {shape.num_layers}")
    asked = json.loads(
        json.dumps({"loss": asdict(loss), "shape": asdict(shape), "settings": asdict(settings), "corpus": corpus.fingerprint})
    )
    if (folder / CARD).is_file():
        card = read_card(folder)
        if {key: card.get(key) for key in asked} != asked:
            raise UserError(f"{folder} holds a network that was trained otherwise; remove it or choose another folder")
        return TrainingReport(card["steps"], card["seconds"], True)
    network = shape.build(corpus.tokenizer.get_vocab_size(), corpus.end, settings.seed, corpus.text).to(device)
    batches = corpus.held_out_batches()
    exits = loss.exits if loss.schedule != "last" else loss.exits[-1:]

    def held_out(network: Any) -> float:
        losses = held_out_losses(network, batches, exits)
        return sum(losses.values()) / len(losses)

    trainer = Trainer(network, loss, corpus.batch_at, settings, held_out, folder, folder.name)
    report = trainer.run(pause_after, progress)
    if report.finished:
        by_exit = {str(layer): round(value, 4) for layer, value in held_out_losses(network, batches, loss.exits).items()}
        agreed = {str(layer): round(value, 4) for layer, value in agreement(network, batches, loss.exits).items()}
        card = {
            **asked, "steps": report.step, "seconds": round(report.seconds, 1), "held_out": by_exit, "agreement": agreed,
            "weights": network.num_parameters, "length": corpus.length, "python": platform.python_version(),
        }  # fmt: skip
        save_network(folder, network, card, dtype)
        (folder / CHECKPOINT).unlink(missing_ok=True)
    return report


def save_network(folder: Path, network: Backbone, card: dict[str, Any], dtype: torch.dtype | None = None) -> None:
    """Write what `load` reads, and the card, which comes last since it says that the folder is complete. dtype: see `Backbone.export`."""
    network.export(folder, dtype)
    _write(folder / CARD, card)


def read_card(folder: Path | str) -> dict[str, Any]:
    """The `training.json` of a trained folder; FileNotFoundError where there is none, UserError where it is no JSON object."""
    return read_object(Path(folder, CARD), "train it again")


def _write(path: Path, value: dict[str, Any]) -> None:
    write_text(path, json.dumps(value, indent=2) + "\n")
