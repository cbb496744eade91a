"""Small networks for `exact_extract.py`: passages of keys and values in words of no meaning, and recurring span selection."""

from __future__ import annotations

import random
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from foretell.models.architecture import Architecture
from foretell.models.engines.torch_engine import TorchEngine
from foretell.models.native import NativeModel
from foretell.training.backbones.backbone import Backbone
from foretell.training.network import Shape
from foretell.training.settings import TrainSettings
from foretell.training.trainer import Trainer

WORDS = 16
SPECIAL = ("<end>", " .", " is", " of", " ?", " <mask>", " =>", " what")
END, STOP, IS, OF, ASK, MASK, ANSWER, WHAT = range(len(SPECIAL))
SPELLING: tuple[bytes | None, ...] = (None, *(word.encode() for word in SPECIAL[1:]), *(f" w{i:02}".encode() for i in range(WORDS)))
NUM_FACTS = (1, 2, 3)  #: in a passage: short ones come first in learning
SHAPE = Shape(num_layers=2, width=64, num_heads=4, max_length=128)


@dataclass(frozen=True)
class Example:
    """passage: token ids. asked: questions (the mark of an answer included) with their answers (no END), one after the other."""

    passage: list[int]
    asked: list[tuple[list[int], list[int]]]


def facts(rng: random.Random) -> list[tuple[int, list[int]]]:
    """Keys, one word each, and their values, one or two words; all words of one passage differ."""
    words = rng.sample(range(len(SPECIAL), len(SPELLING)), NUM_FACTS[-1] * 3)
    return [(words.pop(), [words.pop() for _ in range(rng.randint(1, 2))]) for _ in range(rng.choice(NUM_FACTS))]


def key_value(rng: random.Random) -> Example:
    """What is the value of a key?"""
    known = facts(rng)
    passage = [token for key, value in known for token in (key, IS, *value, STOP)]
    key, value = rng.choice(known)
    return Example(passage, [([ASK, WHAT, key, ANSWER], value)])


def recurring_spans(rng: random.Random) -> Example:
    """Recurring span selection: all facts are told twice, each time in one of two ways; in the second telling a span that stands
    in the first one too is masked, and is to be written again."""
    known = facts(rng)
    told = [[key, IS, *value, STOP] if rng.random() < 0.5 else [*value, OF, key, STOP] for key, value in known]
    asked = []
    for key, value in rng.sample(known, len(known)):
        span = value if rng.random() < 0.75 else [key]
        again = [*value, OF, key] if rng.random() < 0.5 else [key, IS, *value]
        place = again.index(span[0])
        asked.append(([ASK, *again[:place], MASK, *again[place + len(span) :], ANSWER], span))
    return Example([token for sentence in told for token in sentence], asked)


def batch_of(examples: list[Example]) -> tuple[Tensor, Tensor]:
    """Token ids and labels (n, length); only answers and their ENDs have labels."""
    rows = []
    for each in examples:
        tokens, labels = list(each.passage), [-100] * len(each.passage)
        for question, answer in each.asked:
            tokens += [*question, *answer, END]
            labels += [-100] * len(question) + [*answer, END]
        rows.append((tokens, labels))
    length = max(len(tokens) for tokens, _ in rows)
    filled = [(tokens + [END] * (length - len(tokens)), labels + [-100] * (length - len(labels))) for tokens, labels in rows]
    return torch.tensor([tokens for tokens, _ in filled]), torch.tensor([labels for _, labels in filled])


def fit(network: Backbone, examples: list[Example] | None, steps: int, seed: int, learning_rate: float, batch: int = 32) -> None:
    """Train on `examples`, or where None on ever new recurring spans."""

    def batch_at(step: int, size: int) -> tuple[Tensor, Tensor]:
        rng = random.Random(1_000_003 * seed + step)
        return batch_of([recurring_spans(rng) for _ in range(size)] if examples is None else rng.choices(examples, k=size))

    def loss(network: Backbone, pair: tuple[Tensor, Tensor], step: int) -> Tensor:
        tokens, labels = pair
        return F.cross_entropy(network(tokens).logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100)

    settings = TrainSettings(steps=steps, learning_rate=learning_rate, batch=batch, seed=seed)
    Trainer(network, loss, batch_at, settings, name="key-value").run(progress=False)


def as_model(network: Backbone) -> NativeModel:
    """The network in the library's own engine, with what its tokens write."""
    network.eval()
    engine = TorchEngine(Architecture.from_config(network.config), network.state_dict(), torch.float32)
    model = NativeModel(engine, "key-value")
    model.spelling = SPELLING
    return model


def new_network(seed: int) -> Backbone:
    """With weights as large as narrow networks want them: from transformers' own ones, attention stays flat for long."""
    network = SHAPE.build(len(SPELLING), END, seed)
    with torch.no_grad():
        for weights in network.parameters():
            if weights.ndim == 2:
                weights.mul_(SHAPE.width**-0.5 / network.config.initializer_range)
    return network
