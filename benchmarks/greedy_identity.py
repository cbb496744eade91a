"""Claim: with an exact recipe, greedy text is plain decoding's, token by token, on real prompts and the real model.

Also: plain decoding's text is that of transformers' `generate` with the same weights (fp32). A difference may be excused only
where the trace marks a tie: two best logits closer than the model's tolerance.

    python benchmarks/greedy_identity.py --prompts question.jsonl --limit 60 --dtype int8
    python benchmarks/greedy_identity.py --prompts question.jsonl --limit 60 --dtype fp32 --transformers

Prompts: Spec-Bench's JSONL, or the built-in set. The last line is JSON; the exit status is 1 if an unmarked difference is found.

Takes: 5 minutes or more.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time

import foretell as ft
from foretell.bench.prompts import read_prompts
from foretell.decoding.drafters.draft_model import DraftModel
from foretell.decoding.draws import SampledDraws
from foretell.decoding.paces.fixed import Fixed
from foretell.decoding.sampler import Sampler
from foretell.models.engines.cpu import CpuEngine
from foretell.models.engines.packing import pack
from foretell.models.load import read_checkpoint
from foretell.models.locate import locate
from foretell.models.native import NativeModel

RECIPES = (
    "prompt-lookup, pace=10",
    "token-recycling, pace=16",
    "token-recycling, pace=80",
    "prompt-lookup > token-recycling",
    "prompt-lookup | token-recycling, pace=24",
    "prompt-lookup | token-recycling",
)


def first_layers(num_layers: int, dtype: str) -> ft.Model:
    """A draft model of the same vocabulary: the default model's first layers with its head. Untrained as such, so a bad draft."""
    checkpoint = read_checkpoint(locate())
    windows = checkpoint.architecture.windows[:num_layers]
    architecture = dataclasses.replace(checkpoint.architecture, num_layers=num_layers, windows=windows)
    engine = CpuEngine(architecture, pack(architecture, checkpoint.tensors, dtype), dtype)
    return NativeModel(engine, f"first-{num_layers}-layers-{dtype}", ft.load(dtype=dtype).tokenizer)


def first_difference(a: list[int], b: list[int]) -> int | None:
    """The first place where two texts differ, None where they do not."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), None if len(a) == len(b) else min(len(a), len(b)))


def spread(prompts: list, limit: int) -> list:
    """`limit` prompts taken evenly from the file, so that all kinds are there."""
    return [prompts[i * len(prompts) // limit] for i in range(min(limit, len(prompts)))]


def decode(model, recipe: str | ft.Recipe, texts: list[list[int]], length: int, batch: int) -> list[ft.Request]:
    """Greedy texts of fixed length, in ragged batches."""
    requests = [ft.Request(text, length, Sampler(greedy=True), SampledDraws(0)) for text in texts]
    for _ in ft.Session(model, ft.Recipe.parse(recipe)).run(requests, batch):
        pass
    return requests


def compare(name: str, reference: list[list[int]], requests: list[ft.Request], ties: list[list[int]]) -> dict:
    """Count differences; marked where the place of the first one is a tie of either text."""
    marked = unmarked = 0
    for expected, request, tie in zip(reference, requests, ties, strict=True):
        place = first_difference(expected, request.generated)
        if place is not None:
            marked, unmarked = (marked + 1, unmarked) if place in {*request.trace.ties, *tie} else (marked, unmarked + 1)
    steps = sum(len(request.trace.decode_steps) for request in requests)
    tokens = sum(len(request.generated) for request in requests)
    row = {"arm": name, "prompts": len(requests), "tokens": tokens, "tokens_per_step": round(tokens / steps, 3)}
    row |= {"differences_at_marked_ties": marked, "unmarked_differences": unmarked}
    print(f"{name:44} {tokens:6d} tokens  {tokens / steps:5.2f} a step  differences: {unmarked} unmarked, {marked} at ties", flush=True)
    return row


def transformers_texts(texts: list[list[int]], length: int) -> list[list[int]]:
    """What transformers' greedy `generate` writes with the default model's own weights in fp32."""
    import torch

    from foretell.bench.peers.in_transformers import load_default_in_transformers

    model = load_default_in_transformers()
    found = []
    for text in texts:
        ids = torch.tensor([text])
        out = model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=length, min_new_tokens=length, do_sample=False, eos_token_id=None
        )
        found.append(out[0, len(text) :].tolist())
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", default="builtin")
    parser.add_argument("--limit", type=int, default=60)
    parser.add_argument("--tokens", type=int, default=96)
    parser.add_argument("--dtype", default="int8")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--recipes", nargs="*", default=RECIPES)
    parser.add_argument("--draft-layers", type=int, default=0, help="also draft with the model's own first layers as a second model")
    parser.add_argument("--transformers", action="store_true")
    args = parser.parse_args()
    begin = time.time()
    model = ft.load(dtype=args.dtype)
    prompts = spread(list(read_prompts(args.prompts)), args.limit)
    texts = [model.tokenizer.chat(prompt.turns[0]) for prompt in prompts]
    plain = decode(model, "plain", texts, args.tokens, batch=1)
    reference, ties = [request.generated for request in plain], [request.trace.ties for request in plain]
    print(
        f"plain, one by one: {sum(map(len, ties))} marked ties in {sum(map(len, reference))} tokens, tolerance {model.tolerance}",
        flush=True,
    )
    rows = [compare("plain, batched", reference, decode(model, "plain", texts, args.tokens, args.batch), ties)]
    rows += [compare(recipe, reference, decode(model, recipe, texts, args.tokens, args.batch), ties) for recipe in args.recipes]
    if args.draft_layers:
        draft = first_layers(args.draft_layers, args.dtype)
        for branching, siblings in (((1, 1, 1), "sampled"), ((2, 2), "top-k")):
            recipe = ft.Recipe(DraftModel(draft, branching, siblings), pace=Fixed(6))
            name = f"draft-model, first {args.draft_layers} layers, {siblings} {branching}"
            rows.append(compare(name, reference, decode(model, recipe, texts, args.tokens, args.batch), ties))
    if args.transformers:
        rows.append(compare("transformers generate, against plain", transformers_texts(texts, args.tokens), plain, ties))
    kinds = sorted({prompt.category for prompt in prompts})
    summary = {"dtype": args.dtype, "kinds": kinds, "ties": sum(map(len, ties)), "seconds": round(time.time() - begin), "arms": rows}
    print(json.dumps(summary))
    return int(any(row["unmarked_differences"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
