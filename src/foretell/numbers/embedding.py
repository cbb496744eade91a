"""`TextEncoder`: texts as rows of numbers, the pooled hidden states of a language model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from foretell.errors import UserError
from foretell.models.base import POST_NORM, Feed, Model
from foretell.numbers.digits.prompted import encode
from foretell.parts import require
from foretell.prepare import resolve


@dataclass(eq=False, repr=False)
class TextEncoder(TransformerMixin, BaseEstimator):
    """The row of a text is the mean, over its tokens, of the model's hidden states, as input of `DecodingRegressor` and others in a
    scikit-learn `Pipeline`. Nothing is learnt.

    model: a `Model`, an id or path, None for the default one. layer: after which the states are taken; None is the last one, after the
    final norm. max_tokens: longer texts are cut. batch: texts in one pass.

    X: a list of texts, or a table of one column of texts. Cost: a row of the model for each token. Attributes: n_features_out_. Errors:
    UserError for values that are no text, an empty text, a layer that the model does not have.

    >>> from foretell.models.tiny import TinyModel
    >>> TextEncoder(TinyModel(3, spelling=(b"a", b"b", b" "))).fit_transform(["a b", "b"]).shape
    (2, 4)
    """

    model: Any = None
    layer: int | None = None
    max_tokens: int = 512
    batch: int = 16

    def fit(self, X: Any, y: Any = None) -> TextEncoder:  # noqa: N803
        """Check the texts and the settings; nothing is learnt."""
        _texts(X)
        self.n_features_out_ = self._model().width
        return self

    def transform(self, X: Any) -> np.ndarray:  # noqa: N803
        """(n, width) float64."""
        check_is_fitted(self, "n_features_out_")
        model, texts = self._model(), _texts(X)
        key: int | str = POST_NORM if self.layer is None else self.layer
        tokens = [encode(model, text)[: self.max_tokens] for text in texts]
        found: list[np.ndarray] = []
        for i in range(0, len(tokens), self.batch):
            feeds = [Feed(None, ids, num_logits=0) for ids in tokens[i : i + self.batch]]
            found += [rows.hidden[key].double().mean(0).cpu().numpy() for rows in model.forward(feeds, hidden=[key])]
        return np.stack(found)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """state0, state1, ..."""
        return np.array([f"state{i}" for i in range(self.n_features_out_)], dtype=object)

    def _model(self) -> Model:
        model = resolve(self.model)
        require(self.layer is None or 0 <= self.layer <= model.num_layers, self, "layer", self.layer, f"must be 0 to {model.num_layers}")
        for name in ("max_tokens", "batch"):
            require(getattr(self, name) >= 1, self, name, getattr(self, name), "must be at least 1")
        return model


def _texts(X: Any) -> list[str]:  # noqa: N803
    """The texts of a list or of a single column; UserError for anything else."""
    values = np.asarray(X, dtype=object)
    values = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
    if values.ndim != 1 or not len(values):
        raise UserError(f"X has shape {np.shape(X)}; give a list of texts, or a table of one column, with one row at least")
    for i, text in enumerate(values):
        if not isinstance(text, str) or not text.strip():
            raise UserError(f"X: row {i} is {text!r}, which is no text; leave it out, or write what is missing as a word")
    return values.tolist()
