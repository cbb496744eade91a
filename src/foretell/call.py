"""What the prompts of one call share: `generate`, `stream` and `generate_many` read their options here, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from foretell import arguments
from foretell.decoding.limit import Limit
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.session import Session
from foretell.errors import UserError
from foretell.models.base import Model
from foretell.prepare import Prompt, make_requests, random_seed, recipe_for, resolve, session_of
from foretell.result import Result, make_result
from foretell.rules.rule import NAMES, Rule, make_rule

#: Most tokens of a request that are taken back to get out of dead ends of its rule, where nobody has seen them yet.
MAX_BACKTRACKS = 200


@dataclass
class Call:
    """A model, a recipe and a rule, with the options of requests.

    options: of `make_requests`. seed: of the first prompt. limit: ends all requests; it runs once `begin` was called. timeout: seconds.
    """

    model: Model
    recipe: Recipe
    rule: Rule | None
    options: Mapping[str, Any]
    seed: int
    timeout: float | None = None
    limit: Limit = field(default_factory=Limit)

    @classmethod
    def read(
        cls, model: Any, recipe: Recipe | str | None, options: Mapping[str, Any], limit: Limit | None = None, rule: Rule | None = None
    ) -> Call:
        """From the arguments of `generate`. UserError for options that are out of range or contradictory.

        rule: one that was made already, where the options say none.
        """
        options = arguments.options(options)
        rule = make_rule(**{name: options.pop(name) for name in NAMES if name in options}) or rule
        model = resolve(model)
        chosen = recipe_for(model, recipe, rule is not None)
        seed, timeout = options.pop("seed", None), options.pop("timeout", None)
        return cls(model, chosen, rule, options, random_seed() if seed is None else seed, timeout, Limit() if limit is None else limit)

    @property
    def chat(self) -> bool:
        """Whether prompts that are text are messages of the user."""
        return self.options.get("chat", True)

    @property
    def stop(self) -> str | Sequence[str]:
        """The stop strings."""
        return self.options.get("stop", ())

    def requests(
        self, prompts: Sequence[Prompt], n: int = 1, seed: int | None = None, max_backtracks: int = MAX_BACKTRACKS
    ) -> list[Request | UserError]:
        """n requests for each prompt, or its error as often. seed: of the first one, in place of the call's."""
        return make_requests(
            prompts, self.model, self.recipe, rule=self.rule, max_backtracks=max_backtracks, seed=self.seed if seed is None else seed,
            limit=self.limit, n=n, **self.options,
        )  # fmt: skip

    @property
    def session(self) -> Session:
        """What decodes the requests."""
        return session_of(self.model, self.recipe)

    def begin(self) -> Session:
        """The session, made now if there is none yet; after that the time runs."""
        session = self.session
        self.limit.start(self.timeout)
        return session

    def result(self, request: Request | UserError, prompt: Prompt) -> Result:
        """The result of a request that has ended."""
        return make_result(request, self.model, self.stop, self.rule, prompt, self.chat)
