"""Hidden states of the default model over the standard library's source, kept in a file: features for the benchmarks of linear maps.

    python benchmarks/hidden_states.py --states states.npz                  # about 5 minutes for 20,000 tokens
    python benchmarks/hidden_states.py --states states.npz --tokens 4096

Windows of 512 tokens of held-out modules; what is kept of each position is its token and the state after the final norm, which the
output head reads.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import foretell as ft
from foretell.models.base import POST_NORM, Feed, Model
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


def capture(model: Model, num_tokens: int) -> HiddenStates:
    """Run the model over the first windows of modules in turn."""
    texts = [document.text for document in documents() if document.kind == "code" and document.held_out]
    tokens, states = [], []
    begin = time.perf_counter()
    for text in texts:
        ids = model.tokenizer.encode(text[: 8 * WINDOW])[:WINDOW]
        if len(ids) < WINDOW:
            continue
        cache, rows = model.new_cache(), []
        for first in range(0, WINDOW, PIECE):
            part = ids[first : first + PIECE]
            rows.append(model.forward([Feed(cache, part, num_logits=0)], hidden=[POST_NORM])[0].hidden[POST_NORM].float().numpy().copy())
            cache.keep(range(len(part)))
        tokens.append(ids)
        states.append(np.concatenate(rows))
        if len(tokens) % 8 == 0:
            print(f"  {len(tokens) * WINDOW} tokens in {time.perf_counter() - begin:.0f} s", flush=True)
        if len(tokens) * WINDOW >= num_tokens:
            break
    return HiddenStates(np.array(tokens), np.array(states), model.embed(range(model.vocab_size)).float().numpy().copy())


def hidden_states(path: Path, num_tokens: int = 20_000) -> HiddenStates:
    """From the file, or made and written to it."""
    if not path.is_file():
        found = capture(ft.load(), num_tokens)
        np.savez(path, tokens=found.tokens, states=found.states, embeddings=found.embeddings)
    with np.load(path) as stored:
        return HiddenStates(stored["tokens"], stored["states"], stored["embeddings"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--states", type=Path, required=True, help="the file; an existing one is shown, not made again")
    parser.add_argument("--tokens", type=int, default=20_000)
    args = parser.parse_args()
    shown = hidden_states(args.states, args.tokens)
    print(f"{shown.states.shape[0]} windows of {WINDOW} tokens, width {shown.states.shape[2]}")
