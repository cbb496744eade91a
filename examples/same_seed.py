"""Drafting changes the time, not the text: a recipe of fixed candidates samples what plain decoding samples."""

import foretell as ft

model = ft.load()
for seed in (1, 2):
    texts = {
        recipe: ft.generate("Write a line about rain.", model, recipe, temperature=0.8, top_p=0.9, seed=seed, max_new_tokens=24).text
        for recipe in ("plain", "token-recycling, pace=8", "prompt-lookup > token-recycling")
    }
    assert len(set(texts.values())) == 1, texts
    print(f"seed {seed}: {texts['plain']!r}")
