"""Hidden states of the default model over the standard library's source, kept in a file: features for the benchmarks of linear maps.

    python benchmarks/hidden_states.py --states states.npz                  # half a minute for 20,000 tokens
    python benchmarks/hidden_states.py --states states.npz --seconds 60     # a piece of it; call again to go on

Windows of 512 tokens of held-out modules; what is kept of each position is its token and the state after the final norm, which the
output head reads.

Takes: half a minute for 20,000 tokens. Holds: no claim: it makes data for other benchmarks.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

import foretell as ft
from foretell.models.base import POST_NORM, Model
from foretell.models.reading import read
from foretell.training.corpus import documents

WINDOW = 512
#: Rows that go through the model at once.
PIECE = 64


@dataclass
class HiddenStates:
    """tokens (windows, WINDOW), states (windows, WINDOW, width) float32, embeddings (vocab_size, width): what the first layer reads for
    each token, which is the output head too where a model ties them."""

    tokens: np.ndarray
    states: np.ndarray
    embeddings: np.ndarray

    def pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows of all windows: state at t, embedding of the token at t + 1, state at t + 1, float64. The first 8 positions of a window,
        whose states are unlike all others, are left out."""
        width = self.states.shape[2]
        here, there = self.states[:, 8:-1].reshape(-1, width), self.states[:, 9:].reshape(-1, width)
        return here.astype(float), self.embeddings[self.tokens[:, 9:].ravel()].astype(float), there.astype(float)


def texts(model: Model) -> Iterator[list[int]]:
    """The first WINDOW tokens of held-out modules that have so many."""
    for document in documents():
        if document.kind == "code" and document.held_out:
            ids = model.tokenizer.encode(document.text[: 8 * WINDOW])[:WINDOW]
            if len(ids) == WINDOW:
                yield ids


def states_of(model: Model, ids: list[int]) -> np.ndarray:
    """(len(ids), width) after the final norm."""
    [rows] = read(model, [(model.new_cache(), ids)], PIECE, hidden=[POST_NORM], num_logits=0)
    return rows.hidden[POST_NORM].float().numpy()


def capture(path: Path, num_tokens: int, seconds: float) -> bool:
    """Add windows to the file until it has so many tokens, or the processor's time is over; whether it is complete."""
    model = ft.load()
    tokens, states = [], []
    if path.is_file():
        with np.load(path) as stored:
            tokens, states, embeddings = list(stored["tokens"]), list(stored["states"]), stored["embeddings"]
    else:
        embeddings = model.embed(range(model.vocab_size)).float().numpy().copy()
    for ids in islice(texts(model), len(tokens), None):
        if len(tokens) * WINDOW >= num_tokens or time.process_time() > seconds:
            break
        tokens.append(ids)
        states.append(states_of(model, ids))
    np.savez(path, tokens=np.array(tokens), states=np.array(states), embeddings=embeddings)
    print(f"{len(tokens)} windows of {WINDOW} tokens in {path}, {time.process_time():.0f} s of the processor's time", flush=True)
    return len(tokens) * WINDOW >= num_tokens


def hidden_states(path: Path, num_tokens: int = 20_000) -> HiddenStates:
    """From the file, which is made where it is missing."""
    if not path.is_file():
        capture(path, num_tokens, np.inf)
    with np.load(path) as stored:
        return HiddenStates(stored["tokens"], stored["states"], stored["embeddings"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--states", type=Path, required=True, help="the file; windows are added to what it has")
    parser.add_argument("--tokens", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=np.inf, help="of the processor's time; another call goes on")
    args = parser.parse_args()
    sys.exit(0 if capture(args.states, args.tokens, args.seconds) else 1)
