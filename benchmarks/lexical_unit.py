"""Claim: a model tuned to say whole lexical units writes several tokens a step, with neither a second model nor heads.

Sun et al., "Decoding at the Speed of Thought: Harnessing Parallel Decoding of Lexical Units for LLMs": 33 % faster text without a
loss of quality, 30 % faster code with 3 % loss (LLaMA-13B). No code was published; ours is a reconstruction.

Here: a small transformer learns the source of Python's standard library; its units are marked, and it is tuned with placeholders;
controls are as much ordinary training, and tuning on random spans of the same lengths. Held-out files are continued greedily.
Quality is bits a token of the generated text under the untouched base model, of the true text under the tuned one, and how many
continued files still parse up to one of their last whole lines. Training is kept in --folder and goes on where it stopped.

    python benchmarks/lexical_unit.py --folder lud-models
    python benchmarks/lexical_unit.py --folder lud-models --limit 10
    python -m pytest tests/training/test_unit_tuner.py     # a language of fixed words: 2.7 tokens a step, 99 % of words valid

Targets: at some beta at least 1.3 tokens a step with at most 5 % more bits than the control's text; tokens a step rise as beta
falls (2 % of noise allowed); next-token loss at most 2 % above the control's; with the verifier `exact` the tuned model's own
text, and above 1.2 tokens a step; random spans give fewer tokens a step. Reached with 8 minutes of training: 1.01 tokens a step
at that quality and exact, loss 7.1 % above: the claim does not hold for so weak a base, which marks few units. The last line is
JSON; the exit status is 1 if one is missed.

Takes: 10 minutes, 8 of them training.
"""

from __future__ import annotations

import argparse
import ast
import json
import math
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

import foretell as ft
from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.drafters.placeholder_heads import PlaceholderHeads
from foretell.decoding.draws import SampledDraws
from foretell.decoding.paces.fixed import Fixed
from foretell.decoding.sampler import Sampler
from foretell.decoding.verifiers.confidence import Confidence
from foretell.decoding.verifiers.exact import Exact
from foretell.models.base import Feed, Model
from foretell.training.backbones.backbone import Backbone
from foretell.training.corpus import Corpus, documents
from foretell.training.network import CARD, Shape, save_network
from foretell.training.settings import TrainSettings
from foretell.training.trainer import CHECKPOINT, Trainer
from foretell.training.unit_tuner import UnitTuner

LENGTH, PROMPT, WRITTEN = 128, 64, 96
SHAPE = Shape(4, 128, 4, max_length=512)
BETAS = (0.95, 0.9, 0.8, 0.7, 0.5)
ROWS = 3000  # texts whose units are marked


def next_token_loss(network: Backbone, batch: torch.Tensor, step: int) -> torch.Tensor:
    return F.cross_entropy(network(batch[:, :-1]).logits.flatten(0, 1), batch[:, 1:].flatten())


def settings(steps: int, rate: float, batch: int) -> TrainSettings:
    return TrainSettings(steps, batch=batch, learning_rate=rate, evaluate_every=50)


def networks(folder: Path, corpus: Corpus, steps: int) -> dict[str, Path]:
    """base, control, units and random: trained now or before, or begun before. A step of tuning reads 224 rows a text where one of
    the control reads 128; the control gets as many more steps."""
    places = {name: folder / name for name in ("base", "control", "units", "random")}
    rows = corpus.batch_at(10**6, ROWS)[:, :LENGTH]
    for name, place in places.items():
        if (place / CARD).is_file():
            continue
        if name == "base":
            network = SHAPE.build(corpus.tokenizer.get_vocab_size(), corpus.end, tokenizer=corpus.text)
            Trainer(network, next_token_loss, corpus.batch_at, settings(steps, 3e-3, 16), folder=place, name=name).run()
        else:
            network = Backbone.from_checkpoint(places["base"])
            if name == "control":
                Trainer(network, next_token_loss, corpus.batch_at, settings(steps * 7 // 12, 1e-3, 8), folder=place, name=name).run()
            else:
                tuner = UnitTuner(marks="confidence" if name == "units" else "random", max_placeholders=96)
                if name == "units":
                    print("units by length:", tuner.histogram(network, rows[:500]), flush=True)
                tuner.run(network, rows, settings(steps // 3, 1e-3, 8), folder=place)
        save_network(place, network, {"role": name})
        (place / CHECKPOINT).unlink()
    return places


def decode(model: Model, recipe: ft.Recipe, prompts: list[list[int]]) -> tuple[list[ft.Request], float]:
    """Greedy continuations one at a time, and their seconds."""
    requests = [ft.Request(prompt, WRITTEN, Sampler(greedy=True), SampledDraws(0)) for prompt in prompts]
    session = ft.Session(model, recipe, CostCurve.flat())
    begin = time.perf_counter()
    for request in requests:
        for _ in session.run([request]):
            pass
    return requests, time.perf_counter() - begin


def rate(requests: list[ft.Request]) -> float:
    return sum(each.trace.num_tokens for each in requests) / sum(len(each.trace.decode_steps) for each in requests)


def bits(model: Model, texts: list[list[int]], start: int) -> float:
    """Bits a token that the model gives the texts from `start` on."""
    total = num = 0.0
    for text in texts:
        logits = model.forward([Feed(None, text[:-1])])[0].logits[start - 1 :]
        total += float(F.cross_entropy(logits, torch.tensor(text[start:]), reduction="sum"))
        num += len(text) - start
    return total / num / math.log(2)


def parses(prompt: str, text: str) -> bool:
    """Whether the text parses up to some whole line among its last four that is not the prompt's."""
    lines, given = text.split("\n"), prompt.count("\n")
    for end in range(len(lines) - 1, max(len(lines) - 5, given), -1):
        try:
            ast.parse("\n".join(lines[:end]) + "\n")
        except (SyntaxError, ValueError):
            continue
        return True
    return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("lud-models"), help="where the trained models are kept")
    parser.add_argument("--limit", type=int, default=30, help="held-out files")
    parser.add_argument("--steps", type=int, default=1200, help="of base training; the tunings take a third of it each")
    options = parser.parse_args()
    texts = [document for document in documents() if document.kind == "code"]
    corpus = Corpus.build(vocab_size=1024, length=LENGTH, texts=texts)
    places = networks(options.folder, corpus, options.steps)
    models = {name: ft.load(place, dtype="fp32", progress=False) for name, place in places.items()}

    held_out = [corpus.tokenizer.encode(text.text).ids for text in texts if text.held_out]
    files = [ids[: PROMPT + WRITTEN] for ids in held_out if len(ids) >= PROMPT + WRITTEN][: options.limit]
    prompts = [ids[:PROMPT] for ids in files]
    kept = {name: bits(model, files, 1) for name, model in models.items()}
    print("bits a token of the true text:", {name: round(value, 3) for name, value in kept.items()})

    found = []
    print(f"\n{'arm':44} {'tokens a step':>13} {'seconds':>8} {'bits (base)':>11} {'parse':>6}")

    def arm(name: str, model: Model, recipe: ft.Recipe) -> tuple[dict[str, Any], list[ft.Request]]:
        requests, seconds = decode(model, recipe, prompts)
        each = {
            "arm": name,
            "tokens_per_step": rate(requests),
            "seconds": seconds,
            "bits": bits(models["base"], [request.tokens for request in requests], PROMPT),
            "parse": sum(parses(*map(corpus.tokenizer.decode, (each.prompt, each.tokens))) for each in requests) / len(requests),
        }
        print(f"{name:44} {each['tokens_per_step']:13.2f} {seconds:8.2f} {each['bits']:11.3f} {each['parse']:6.0%}", flush=True)
        found.append(each)
        return each, requests

    arm("base, plain", models["base"], ft.Recipe())
    control, _ = arm("control, plain", models["control"], ft.Recipe())
    _, plain = arm("units, plain", models["units"], ft.Recipe())
    lossy = {beta: arm(f"units, beta={beta} (lossy)", models["units"], recipe_of(beta, Confidence(beta)))[0] for beta in BETAS}
    lossless, identical = {}, True
    for beta in (0.9, 0.5, 0.3):
        lossless[beta], requests = arm(f"units, exact, drafts from {beta}", models["units"], recipe_of(beta, Exact()))
        identical &= [request.generated for request in requests] == [request.generated for request in plain]
    at_random = {
        beta: arm(f"random spans, beta={beta} (lossy)", models["random"], recipe_of(beta, Confidence(beta)))[0] for beta in (0.9, 0.7)
    }

    good = [each for each in lossy.values() if each["tokens_per_step"] >= 1.3 and each["bits"] <= 1.05 * control["bits"]]
    rates = [lossy[beta]["tokens_per_step"] for beta in BETAS]
    best_exact = max(each["tokens_per_step"] for each in lossless.values())
    fewer = all(at_random[beta]["tokens_per_step"] < lossy[beta]["tokens_per_step"] for beta in at_random)
    loss_ratio = kept["units"] / kept["control"]
    targets = {
        "code": bool(good),
        "monotone": all(after >= 0.98 * before for before, after in pairwise(rates)),
        "loss": loss_ratio <= 1.02,
        "exact_is_plain": identical,
        "exact_rate": best_exact > 1.2,
        "marking": fewer,
    }
    best = max(good, key=lambda each: each["tokens_per_step"]) if good else lossy[0.9]
    print("\n                                            paper             here      target")
    print(f"tokens a step, lossy                 1.30 (code)   {best['tokens_per_step']:14.2f}      at least 1.3")
    print(f"bits a token against the control   3 % worse    {best['bits'] / control['bits'] - 1:+15.1%}      at most +5 %")
    print(f"next-token loss against the control              {loss_ratio - 1:+14.1%}      at most +2 %")
    print(f"tokens a step, exact                               {best_exact:13.2f}      above 1.2, same text: {identical}")
    missed = [name for name, met in targets.items() if not met]
    print(f"missed: {', '.join(missed)}" if missed else "all targets met")
    print(json.dumps({"arms": found, "true_text_bits": kept, "targets": targets}))
    return 1 if missed else 0


def recipe_of(beta: float, verifier: Any) -> ft.Recipe:
    return ft.Recipe(PlaceholderHeads(4, beta), verifier, Fixed(8))


if __name__ == "__main__":
    sys.exit(main())
