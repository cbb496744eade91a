"""What is decoded, and how: the options that `foretell bench` and `foretell tune` share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from foretell.bench.arms import BenchSetting
from foretell.bench.prompts import BUILTIN, read_prompts, spread
from foretell.bench.tasks import Group, make_groups, make_tasks
from foretell.decoding.sampling_options import make_sampler
from foretell.errors import UserError
from foretell.models.base import Model


@dataclass(frozen=True)
class Workload:
    """Prompts and the texts to decode from them.

    prompts: a file of prompts, or "builtin". limit: number of prompts, spread over their kinds; None means all. max_new_tokens: length of
    each text, in tokens. batch: prompts decoded together. temperature: 0 is greedy. stop: end texts at stop tokens, where by default all
    have the same length.
    """

    prompts: str = BUILTIN
    limit: int | None = None
    max_new_tokens: int = 96
    batch: int = 1
    temperature: float = 0.0
    stop: bool = False

    def check(self) -> None:
        """Refuse wrong options before a model is loaded. Raises UserError naming the option."""
        for name in ("max_new_tokens", "batch"):
            check_at_least(f"--{name.replace('_', '-')}", getattr(self, name), 1)
        if self.limit is not None:
            check_at_least("--limit", self.limit, 1)
        if not 0 <= self.temperature < math.inf:
            raise UserError(f"--temperature {self.temperature:g} must be 0, which is greedy decoding, or above")
        spread(read_prompts(self.prompts), self.limit)

    @property
    def source(self) -> str:
        """Where the prompts are from, in words."""
        return "our own set" if self.prompts == BUILTIN else Path(self.prompts).name

    def groups(self, model: Model) -> list[Group]:
        """The prompts as the model's tokens, in batches. Raises UserError for a prompt that leaves no room for the text."""
        prompts = spread(read_prompts(self.prompts), self.limit)
        return make_groups(make_tasks(prompts, model, self.max_new_tokens), self.batch)

    def setting(self, model: Model) -> BenchSetting:
        """What all arms have in common."""
        stops: frozenset[int] = model.tokenizer.stop_tokens if self.stop and model.tokenizer is not None else frozenset()
        return BenchSetting(self.max_new_tokens, make_sampler(temperature=self.temperature), stops)


def check_at_least(option: str, value: int, least: int) -> None:
    """Raise UserError unless `value` is at least `least`. option: as users write it."""
    if value < least:
        raise UserError(f"{option} {value!r} must be at least {least}")


def model_title(name: str | None, model: Model) -> str:
    """The model in words: its name, None for the default model, and how it is computed."""
    return f"{name or 'SmolLM2-135M-Instruct (the default model)'}, {model.fingerprint.split('-', 1)[-1]}"
