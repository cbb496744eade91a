"""`PromptedRegressor`: a language model predicts numbers from rows written as text, with solved examples in its prompt."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from foretell.decoding.constraint import Constraint
from foretell.models.base import Model
from foretell.models.vocabulary import Vocabulary
from foretell.numbers.digits.decimal_text import DecimalText
from foretell.numbers.digits.prompted import CHOICES, Prompter, choose_examples, encode, stop_tokens
from foretell.numbers.digits.string_distribution import KINDS, StringDistribution, StringEnumerator
from foretell.numbers.distributional import DistributionalMixin
from foretell.numbers.distributions import Histogram, PointMasses
from foretell.parts import require
from foretell.prepare import resolve
from foretell.rules.constraints.choices import Choices

#: Cached distributions of a model, the most recent ones.
_KEPT = 4096


@dataclass(eq=False, repr=False)
class PromptedRegressor(DistributionalMixin, RegressorMixin, BaseEstimator):
    """Nothing is trained: `fit` keeps rows, of which `n_shots` are shown as solved examples in the prompt (0: zero-shot). The model then
    writes a number under a constraint, and the probabilities of all numbers are computed instead of sampled.

    model: a `Model`, an id or path, None for the default one. format: a `DecimalText`; None fits one to the training targets. template,
    target, instruction: see `Prompter`. shots: "random" (the same for all rows, read once) or "nearest". distribution, missed, most_rows,
    batch: see `StringEnumerator`. point: what `predict` returns, the "median", "mean" or "mode" of the distribution.

    X: a table with columns of numbers and texts, or one list of texts. Guarantee: exact but for the mass that `string_distributions`
    reports as missed. Cost: a row of the model for each token of a prompt that others do not share, and for each prefix of a number that is
    read. Attributes: texts_ and numbers_, the training rows as text, code_ (of the format), names_. Distributions are cached with the
    model. Errors: UserError for NaN, targets that are no numbers, settings out of range, and prompts that are too long.

    Song et al., "OmniPred", 2024; Vacareanu et al., "From Words to Numbers", 2024; Requeima et al., "LLM Processes", 2024, section 3, for
    distributions over number strings. Departure: the exact distribution, where they draw samples.

    >>> import foretell.numbers as fn
    >>> years = fn.PromptedRegressor(n_shots=2, target="Year").fit(["Sunrise, oil", "Neon, tubes"], [1880, 1968])  # doctest: +SKIP
    >>> years.predict_interval(["Boats at dusk, oil on canvas"], 0.8)  # doctest: +SKIP
    """

    papers = ("omnipred", "words-to-numbers", "llm-processes")

    #: Checks of scikit-learn's `check_estimator` that are not met, each with its reason.
    model: Any = None
    format: Any = None
    n_shots: int = 8
    shots: str = "random"
    template: str | None = None
    target: str = "Number"
    instruction: str = ""
    point: str = "median"
    distribution: str = "masked"
    missed: float = 0.01
    most_rows: int = 2000
    batch: int = 8
    random_state: Any = None

    @classmethod
    def examples(cls) -> list[PromptedRegressor]:
        """Small settings for checks: a random model whose tokens are letters."""
        from foretell.models.tiny import TinyModel

        letters = tuple(bytes([letter]) for letter in (10, *range(32, 127)))
        return [cls(TinyModel(len(letters), spelling=letters), n_shots=2, missed=0.2, random_state=0)]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.regressor_tags.poor_score = True  # language models know nothing of synthetic tables
        return tags

    def __sklearn_clone__(self) -> PromptedRegressor:
        """An unfitted copy. The model is shared, since nothing changes it."""
        settings = {field.name: getattr(self, field.name) for field in fields(self)}
        return type(self)(**{name: value if name == "model" else clone(value, safe=False) for name, value in settings.items()})

    def fit(self, X: Any, y: Any) -> PromptedRegressor:  # noqa: N803
        """Keep rows X (n, d) or texts (n,), and targets y (n,), to show them as examples."""
        self._enumerator()
        self.names_ = [str(name) for name in getattr(X, "columns", [])]
        X, y = validate_data(self, _column(X), y, dtype=None, y_numeric=True)  # noqa: N806
        if not self.names_:
            self.names_ = ["text"] if X.shape[1] == 1 and isinstance(X[0, 0], str) else [f"x{i}" for i in range(X.shape[1])]
        y = np.asarray(y, dtype=float)
        self.code_ = self._format().fit(y)
        self.texts_ = [self._prompter().row(self.names_, row) for row in X]
        self.numbers_ = [self._format().text(self.code_, value) for value in y]
        return self

    def prompts(self, X: Any) -> list[str]:  # noqa: N803
        """The prompt for each row, n texts."""
        check_is_fitted(self, "texts_")
        X = validate_data(self, _column(X), dtype=None, reset=False)  # noqa: N806
        rows = [self._prompter().row(self.names_, row) for row in X]
        chosen = choose_examples(self.shots, self.n_shots, self.texts_, rows, check_random_state(self.random_state))
        known = list(zip(self.texts_, self.numbers_, strict=True))
        return [self._prompter().prompt([known[i] for i in some], row) for some, row in zip(chosen, rows, strict=True)]

    def string_distributions(self, X: Any) -> list[StringDistribution]:  # noqa: N803
        """The distribution over number strings (with a space before them) for each row, with the mass that was missed and the rows that
        were read."""
        check_is_fitted(self, "texts_")
        settings, model, rule = self._enumerator(), self._model(), self._rule()
        prompts = [tuple(encode(model, prompt)) for prompt in self.prompts(X)]
        kept: OrderedDict[Any, StringDistribution] = model.__dict__.setdefault("number_distributions", OrderedDict())
        missing = list({prompt: None for prompt in prompts if (prompt, rule, settings) not in kept})
        found = settings.run(model, missing, rule, stop_tokens(model)) if missing else []
        distributions = {prompt: kept[prompt, rule, settings] for prompt in prompts if (prompt, rule, settings) in kept}
        distributions |= dict(zip(missing, found, strict=True))
        kept.update({(prompt, rule, settings): distribution for prompt, distribution in distributions.items()})
        while len(kept) > _KEPT:
            kept.popitem(last=False)
        return [distributions[prompt] for prompt in prompts]

    def predict_numbers(self, X: Any) -> PointMasses:  # noqa: N803
        """The distribution of each row's number, as masses on the numbers that can be written."""
        masses = self._masses(X)
        return PointMasses(self._format().leaves(self.code_).values, masses)

    def predict_distribution(self, X: Any) -> Histogram:  # noqa: N803
        """The distribution of each row's number, each mass spread over all values that round to it."""
        masses = self._masses(X)
        return self._format().leaves(self.code_).histogram(masses)

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """(n,): the median, mean or mode of each row's number, as `point` says."""
        return getattr(self.predict_numbers(X), self.point)()

    def generate(self, X: Any, n_samples: int = 1, random_state: Any = None, recipe: Any = None) -> np.ndarray:  # noqa: N803
        """(n, n_samples) draws made by decoding, with any recipe, as RegressLM does. Their distribution is the "masked" one."""
        from foretell.decoding.draws import SampledDraws
        from foretell.decoding.request import Request
        from foretell.decoding.sampling_options import make_sampler
        from foretell.prepare import recipe_for, session_of

        require(n_samples >= 1, self, "n_samples", n_samples, "must be at least 1")
        model, stops, rule, seeds = self._model(), stop_tokens(self._model()), self._rule(), check_random_state(random_state)
        sampler, most = make_sampler(temperature=1.0), max(map(len, self._format().texts(self.code_))) + 2
        requests = [
            Request(encode(model, prompt), most, sampler, SampledDraws(int(seeds.randint(2**31 - 1))), stops, constraint=rule)
            for prompt in self.prompts(X)
            for _ in range(n_samples)
        ]
        for _ in session_of(model, recipe_for(model, recipe, True)).run(requests, 16):
            pass
        vocabulary = Vocabulary.of(model, stops)
        return np.array([float(vocabulary.text(request.generated)) for request in requests]).reshape(-1, n_samples)

    def _masses(self, X: Any) -> np.ndarray:  # noqa: N803
        distributions = self.string_distributions(X)
        places = {f" {text}".encode(): i for i, text in enumerate(self._format().texts(self.code_))}
        masses = np.zeros((len(distributions), len(places)))
        for row, distribution in zip(masses, distributions, strict=True):
            row[[places[text] for text in distribution.texts]] = distribution.masses
        return masses

    def _enumerator(self) -> StringEnumerator:
        require(self.point in ("median", "mean", "mode"), self, "point", self.point, "must be one of median, mean, mode")
        require(self.shots in CHOICES, self, "shots", self.shots, f"must be one of {', '.join(CHOICES)}")
        require(self.distribution in KINDS, self, "distribution", self.distribution, f"must be one of {', '.join(KINDS)}")
        good = isinstance(self.n_shots, int | np.integer) and self.n_shots >= 0
        require(good, self, "n_shots", self.n_shots, "must be a whole number of at least 0")
        return StringEnumerator(self.distribution, self.missed, self.most_rows, self.batch)

    def _format(self) -> DecimalText:
        return DecimalText() if self.format is None else self.format

    def _prompter(self) -> Prompter:
        return Prompter(self.template, self.target, self.instruction)

    def _model(self) -> Model:
        return resolve(self.model)

    def _rule(self) -> Constraint:
        return Choices((" ",)) + self._format().constraint(self.code_)


def _column(X: Any) -> Any:  # noqa: N803
    """A list of texts as a table of one column; anything else as it is."""
    values = X if hasattr(X, "columns") else getattr(X, "values", X)
    is_text = isinstance(values, Sequence | np.ndarray) and not isinstance(values, str) and np.ndim(values) == 1
    if is_text and len(values) and all(isinstance(value, str) for value in values):
        return np.array(list(values), dtype=object)[:, None]
    return X
