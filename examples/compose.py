"""A recipe is a value: build it from objects or from text, keep it in a file, decode a batch with it."""

import tempfile
from pathlib import Path

import foretell as ft
from foretell.decoding.drafters.fallback import Fallback
from foretell.decoding.drafters.prompt_lookup import PromptLookup
from foretell.decoding.drafters.token_recycling import TokenRecycling
from foretell.decoding.paces.fixed import Fixed

recipe = ft.Recipe(Fallback((PromptLookup(num_tokens=5), TokenRecycling())), pace=Fixed(8))
assert recipe == ft.Recipe.parse("prompt-lookup(num_tokens=5) > token-recycling, pace=8")

with tempfile.TemporaryDirectory() as folder:
    file = Path(folder) / "recipe.toml"
    recipe.write(file, comment="copies where it can")
    print(file.read_text())
    assert ft.Recipe.read(file) == recipe

prompts = ["Name three rivers in Europe.", "What is the capital of Italy?"]
for prompt, result in zip(prompts, ft.generate(prompts, recipe=recipe, max_new_tokens=24), strict=True):
    print(f"{prompt}\n  {result.text!r} ({result.trace.tokens_per_step:.1f} tokens a step)")
