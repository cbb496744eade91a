"""`Pretrained`: the body of a fitted encoder, to be trained further."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from sklearn.utils.validation import check_is_fitted
from torch import nn

from foretell.numbers.bodies.base import Body
from foretell.numbers.input_spec import InputSpec, described
from foretell.parts import require


@dataclass(eq=False, repr=False)
class Pretrained(Body):
    """Fine-tuning: fitting starts from a copy of the layers that an encoder, such as `SupReMixEncoder`, has learnt.

    encoder: fitted, on the same columns; None is the one that `SupReMixRegressor` fits. scikit-learn's tools clone it with the estimator
    around it, which discards what it has learnt: pass `Pretrained(sklearn.frozen.FrozenEstimator(encoder))` to them. Errors: UserError for
    an encoder that is missing or was fitted on other inputs; NotFittedError.

    >>> import numpy as np
    >>> from foretell.numbers.bodies.mlp import MLP
    >>> from foretell.numbers.estimators.supremix_encoder import SupReMixEncoder
    >>> X, y = np.random.RandomState(0).standard_normal((60, 3)), np.arange(60.0)
    >>> encoder = SupReMixEncoder(body=MLP((8,)), epochs=2, random_state=0).fit(X, y)
    >>> layers, width = Pretrained(encoder).build(encoder.inputs_)
    >>> width, bool((layers[0].weight == encoder.network_[0][0].weight).all())
    (8, True)
    """

    encoder: Any = None

    def build(self, inputs: InputSpec) -> tuple[nn.Module, int]:
        require(self.encoder is not None, self, "encoder", None, "must be a fitted encoder, except within SupReMixRegressor")
        check_is_fitted(self.encoder, "network_", msg="Pretrained: encoder is not fitted; clones keep a FrozenEstimator(encoder) fitted")
        fitted = self.encoder.inputs_
        require(fitted == inputs, self, "encoder", self.encoder, f"was fitted on {described(fitted)}, not on {described(inputs)}")
        body, projection = self.encoder.network_[0], self.encoder.network_[1]
        return copy.deepcopy(body), projection.in_features
