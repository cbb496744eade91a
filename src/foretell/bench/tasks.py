"""Tasks: prompts as token ids, in groups that are decoded together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foretell.bench.prompts import Prompt
from foretell.errors import UserError
from foretell.models.base import Model
from foretell.words import counted


@dataclass(frozen=True)
class Task:
    """A prompt as token ids. name: for messages. kind: of prompt, by which figures are reported."""

    name: str
    kind: str
    tokens: tuple[int, ...]


@dataclass(frozen=True)
class Group:
    """Tasks decoded as one batch. Figures are paired group by group."""

    tasks: tuple[Task, ...]

    @property
    def kind(self) -> str:
        """The kind of its tasks, "mixed" for several."""
        kinds = {task.kind for task in self.tasks}
        return kinds.pop() if len(kinds) == 1 else "mixed"


def make_tasks(prompts: Sequence[Prompt], model: Model, num_tokens: int) -> list[Task]:
    """The first turn of each prompt through the model's chat template. Raises UserError for a model without a tokenizer and for a prompt
    that leaves no room for `num_tokens`."""
    if model.tokenizer is None:
        raise UserError("model: it has no tokenizer, so it cannot read prompts; use a model that comes with one")
    tasks = []
    for prompt in prompts:
        tokens = tuple(model.tokenizer.chat(prompt.turns[0]))
        if len(tokens) + num_tokens > model.max_length:
            raise UserError(
                f"prompt {prompt.question_id} has {counted(len(tokens), 'token')}, which with --max-new-tokens {num_tokens} is more than "
                f"the model's {model.max_length}; shorten the prompt or lower --max-new-tokens"
            )
        tasks.append(Task(str(prompt.question_id), prompt.kind, tokens))
    return tasks


def make_groups(tasks: Sequence[Task], batch: int = 1) -> list[Group]:
    """Groups of `batch` tasks, of one kind each as far as possible. Raises UserError for a batch below 1."""
    if batch < 1:
        raise UserError(f"batch={batch!r} must be at least 1")
    if batch == 1:
        return [Group((task,)) for task in tasks]
    kinds: dict[str, list[Task]] = {}
    for task in tasks:
        kinds.setdefault(task.kind, []).append(task)
    whole, rest = [], []
    for group in kinds.values():
        full = len(group) - len(group) % batch
        whole += [Group(tuple(group[i : i + batch])) for i in range(0, full, batch)]
        rest += group[full:]
    return whole + [Group(tuple(rest[i : i + batch])) for i in range(0, len(rest), batch)]
