"""What int8 costs in quality: perplexity, agreement of the best token and KL divergence against fp32, on real text.

Text: the prose of Python's own reference manual (`pydoc_data.topics`, on every Python), in windows of 512 tokens, and the fp32
model's own greedy answers to the built-in prompts, which is the text that decoding meets.

    python benchmarks/int8_quality.py

The last line is JSON.

Takes: 5 minutes or more. Holds: no claim: it prints what int8 costs.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from pydoc_data.topics import topics

import torch

import foretell as ft
from foretell.bench.prompts import read_prompts
from foretell.models.base import Feed, Model

WINDOW = 512


def rows(model: Model, text: list[int]) -> torch.Tensor:
    """Log-probabilities (len(text), vocab_size) after each token."""
    return model.forward([Feed(None, text)])[0].logits.log_softmax(-1)


def prose(model: Model, num_tokens: int) -> Iterator[list[int]]:
    """Windows of the reference manual."""
    text = model.tokenizer.encode("\n\n".join(topics[name] for name in sorted(topics)))[:num_tokens]
    yield from (text[start : start + WINDOW] for start in range(0, len(text) - WINDOW + 1, WINDOW))


def answers(model: Model, num_prompts: int) -> Iterator[list[int]]:
    """Prompts with the model's own greedy answers."""
    chosen = read_prompts()[:: max(1, 32 // num_prompts)]
    for prompt in chosen:
        result = ft.generate(prompt.turns[0], model, max_new_tokens=96)
        yield (model.tokenizer.chat(prompt.turns[0]) + result.tokens)[:WINDOW]


def compare(exact: Model, quick: Model, texts: list[list[int]]) -> dict[str, float]:
    """Means over all positions."""
    total = {"nll_fp32": 0.0, "nll_int8": 0.0, "same_best": 0.0, "kl": 0.0}
    count = 0
    for text in texts:
        p, q = rows(exact, text), rows(quick, text)
        following = torch.tensor(text[1:])[:, None]
        total["nll_fp32"] -= float(p[:-1].gather(1, following).sum())
        total["nll_int8"] -= float(q[:-1].gather(1, following).sum())
        total["same_best"] += float((p.argmax(-1) == q.argmax(-1))[:-1].sum())
        total["kl"] += float((p.exp() * (p - q)).sum(-1)[:-1].sum())
        count += len(text) - 1
    return {
        "tokens": count,
        "perplexity_fp32": round(math.exp(total["nll_fp32"] / count), 3),
        "perplexity_int8": round(math.exp(total["nll_int8"] / count), 3),
        "same_best_token": round(total["same_best"] / count, 4),
        "kl_nats": round(total["kl"] / count, 5),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=8192)
    parser.add_argument("--prompts", type=int, default=16)
    args = parser.parse_args()
    exact, quick = ft.load(dtype="fp32"), ft.load(dtype="int8")
    results = {
        "reference manual": compare(exact, quick, list(prose(exact, args.tokens))),
        "greedy answers": compare(exact, quick, list(answers(exact, args.prompts))),
    }
    for name, result in results.items():
        perplexities = f"perplexity {result['perplexity_fp32']:.3f} (fp32) {result['perplexity_int8']:.3f} (int8)"
        agreement = f"same best token {100 * result['same_best_token']:.1f} %, KL {result['kl_nats']:.4f} nats"
        print(f"{name:18} {result['tokens']:6d} tokens  {perplexities}  {agreement}")
    print(json.dumps(results))


if __name__ == "__main__":
    main()
