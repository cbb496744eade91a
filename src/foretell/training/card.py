"""The card of a trained model, CARD.md: what it is, how well each exit speaks, and the command that makes it again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from foretell.files import write_text
from foretell.models.shipped import CARD

_TEXT = """# {name}

A language model of {size:.1f} million weights with exits after layers {exits}, which continues Python code and the prose around it

It was trained on the source of Python's standard library, in minutes: a test bed for early exits and nested drafts, which knows
no facts and answers no questions.

| exit after layer | held-out loss, nats a token | agrees with the last |
| --- | --- | --- |
{table}

The last column is the share of held-out tokens where the exit's best token is the last exit's.

## Make it again

```sh
{command}
```

That took {steps} steps and {minutes:.1f} minutes; more time gives a better one. Windows had {length} tokens: in texts that are much
longer it is on new ground.

## Corpus and licence

The modules of Python {python}'s standard library and `pydoc_data.topics` (fingerprint {corpus}), split by module: one in eight was held
out, and the figures above are from those. That text is the Python Software Foundation's, under the PSF licence (version 2), which
goes for whatever passages the model should repeat; the weights come under the licence of this package.

## Use

```python
import foretell as ft

model = ft.load("{name}")
recipe = "early-exit(layer={first}, num_tokens=8, candidates={early}), pace=del"
print(ft.generate("def read_lines(path):\\n", model, recipe, chat=False, max_new_tokens=64).text)
```

As a nested draft, for any target with its tokenizer (`foretell train FOLDER --tokenizer {name}` makes one):
`sorted-draft(model="{name}", exits={every})`.
"""


def write_card(folder: Path, facts: Mapping[str, Any], command: str) -> None:
    """facts: what training.json holds. command: what was typed."""
    exits = tuple(facts["loss"]["exits"])
    lines = [f"| {layer} | {facts['held_out'][str(layer)]:.2f} | {facts['agreement'][str(layer)]:.2f} |" for layer in exits]
    early = exits[:-1] or exits
    text = _TEXT.format(
        name=folder.name,
        size=facts["weights"] / 1e6,
        exits=", ".join(map(str, exits)),
        table="\n".join(lines),
        command=command,
        steps=facts["steps"],
        minutes=facts["seconds"] / 60,
        length=facts["length"],
        python=facts["python"],
        corpus=facts["corpus"],
        first=early[0],
        early=early,
        every=exits,
    )
    write_text(folder / CARD, text)
