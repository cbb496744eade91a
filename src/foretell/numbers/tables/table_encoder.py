"""`TableEncoder`: encodes a table of numbers and categories as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils import check_array
from sklearn.utils.validation import _check_n_features, check_is_fitted

from foretell.errors import UserError
from foretell.numbers.tables.date_encoder import DateEncoder
from foretell.numbers.tables.reading import dates_of, is_date, is_number, numbers_of, pick, texts_of, words_of
from foretell.parts import require

#: The category of missing values with imputation.
ABSENT = "(missing)"
#: Columns that a text becomes, at most.
MOST_TEXT_COLUMNS = 50
#: What may be done about a missing number.
IMPUTE = "fill it, drop the row, or impute (impute=True, --impute)"


@dataclass(eq=False, repr=False)
class TableEncoder(TransformerMixin, BaseEstimator):
    """Numbers as they are, each category as a column of its own that is 0 or 1 (scikit-learn's ColumnTransformer and OneHotEncoder), dates
    as `DateEncoder` writes them.

    impute: replace missing numbers by the median, and treat missing categories as one more category; otherwise they are refused. unseen:
    "error" refuses a category that fitting did not have, "ignore" encodes it as zeros. categories: columns to treat as categories though
    they hold numbers. most_categories: another column with more is refused, as it is likely a name, a text or a date.
    texts: columns of texts, which become the main directions (50 or fewer) of `TextEncoder`'s hidden states. text_model: of these; None is
    the default model.

    State: columns_ (names, in the order of fitting), words_ (the categorical ones), dates_, encoder_. X: a pandas or polars table, or an
    array.
    Errors: UserError naming column, row and value.

    >>> table = pd.DataFrame({"size": [1.0, 2.0], "colour": ["red", "blue"]})
    >>> TableEncoder().fit_transform(table).tolist()
    [[1.0, 0.0, 1.0], [2.0, 1.0, 0.0]]
    """

    #: Checks of scikit-learn's `check_estimator` that are not met, each with its reason.
    CHECKS_NOT_MET: ClassVar[dict[str, str]] = {
        "check_dtype_object": "values that are neither numbers nor text are refused by column and row, in another message",
    }

    impute: bool = False
    unseen: str = "error"
    categories: Any = ()
    most_categories: int = 100
    texts: Any = ()
    text_model: Any = None

    def fit(self, X: Any, y: Any = None) -> Any:  # noqa: N803
        """Learn which columns are categorical, and their categories."""
        self._check_unseen()
        table = as_table(X)
        self.columns_ = list(table.columns)
        chosen = pick(table, self.categories, "categories")
        self.texts_ = pick(table, self.texts, "texts")
        self.words_ = [
            name
            for name in table.columns
            if name not in self.texts_ and (name in chosen or not (is_number(table[name]) or is_date(table[name])))
        ]
        self.dates_ = [name for name in table.columns if name not in (*self.words_, *self.texts_) and is_date(table[name])]
        numbers = [name for name in table.columns if name not in (*self.words_, *self.dates_, *self.texts_)]
        prepared = self._prepared(table, asked=chosen)
        for name in self.words_:
            num = prepared[name].nunique()
            if num > self.most_categories and name not in chosen:
                raise UserError(
                    f"column {name!r} has {num} different values in {len(table)} rows, such as {prepared[name].iloc[0]!r}: more than "
                    f"most_categories={self.most_categories}; leave it out (--drop) if it is a name or a date, take it as a text (texts, "
                    "--text), or as a category all the same (categories, --categories)"
                )
        ways = [
            ("numbers", SimpleImputer(strategy="median", keep_empty_features=True) if self.impute else "passthrough", numbers),
            ("words", OneHotEncoder(handle_unknown="ignore", sparse_output=False), self.words_),
        ]
        if self.dates_:
            dates: Any = DateEncoder()
            ways.append(("dates", make_pipeline(dates, SimpleImputer(strategy="median")) if self.impute else dates, self.dates_))
        for name in self.texts_:
            from foretell.numbers.embedding import TextEncoder  # here, since torch takes seconds to import

            ways.append((f"text {name}", make_pipeline(TextEncoder(self.text_model), PCA(min(MOST_TEXT_COLUMNS, len(table) - 1))), [name]))
        self.encoder_ = ColumnTransformer(ways, verbose_feature_names_out=False).fit(prepared)
        self.n_features_in_ = len(self.columns_)
        if all(isinstance(name, str) for name in self.columns_):
            self.feature_names_in_ = np.array(self.columns_, dtype=object)
        return self

    def transform(self, X: Any) -> np.ndarray:  # noqa: N803
        """(n, numbers and categories) float64. Additional columns of the table are ignored."""
        check_is_fitted(self, "encoder_")
        self._check_unseen()
        table = as_table(X)
        if not hasattr(X, "columns"):
            _check_n_features(self, X, reset=False)
        pick(table, self.columns_, "the fitted column")
        prepared = self._prepared(table[self.columns_], asked=self.words_)
        if self.unseen == "error":
            self._refuse_unseen(prepared)
        return np.asarray(self.encoder_.transform(prepared), dtype=float)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns of `transform`."""
        check_is_fitted(self, "encoder_")
        return self.encoder_.get_feature_names_out()

    def _check_unseen(self) -> None:
        require(self.unseen in ("error", "ignore"), self, "unseen", self.unseen, 'must be "error" or "ignore"')

    def _prepared(self, table: pd.DataFrame, asked: Sequence[str]) -> pd.DataFrame:
        """Numbers as float64, categories as text, checked. asked: columns declared categorical."""
        found = {}
        for name in table.columns:
            if name in getattr(self, "texts_", ()):
                found[name] = texts_of(table[name], name, missing=self.impute)
                continue
            if name in getattr(self, "dates_", ()):  # saved encoders may be older than dates
                found[name] = dates_of(table[name], name, missing=self.impute)
                continue
            if name not in self.words_:
                found[name] = numbers_of(table[name], name, missing=self.impute, remedy=IMPUTE)
                continue
            words = words_of(table[name], name, asked=name in asked)
            if self.impute:
                words = np.where(pd.isna(words), ABSENT, words)
            absent = np.flatnonzero(pd.isna(words))
            if len(absent):
                raise UserError(
                    f"column {name!r}, row {absent[0] + 1}: the category is missing ({len(absent)} are); fill it, drop the row, or impute "
                    "(impute=True, --impute), which takes it as a category of its own"
                )
            found[name] = words
        return pd.DataFrame(found)

    def _refuse_unseen(self, prepared: pd.DataFrame) -> None:
        known = self.encoder_.named_transformers_["words"].categories_ if self.words_ else []
        for name, seen in zip(self.words_, known, strict=True):
            wrong = np.flatnonzero(~prepared[name].isin(seen).to_numpy())
            if len(wrong):
                raise UserError(
                    f"column {name!r}, row {wrong[0] + 1}: the category {prepared[name].iloc[wrong[0]]!r} was not there in fitting; "
                    'correct it, or take unseen="ignore", which encodes it as zeros'
                )


def as_table(X: Any) -> pd.DataFrame:  # noqa: N803
    """A pandas table of a pandas or polars one, or of an array; UserError where it has no rows or columns."""
    if isinstance(X, pd.DataFrame):
        table = X.reset_index(drop=True)
    elif hasattr(X, "columns"):  # polars
        table = pd.DataFrame({name: X[name].to_list() for name in X.columns})
    else:
        table = pd.DataFrame(check_array(X, dtype=None, ensure_all_finite=False)).infer_objects()
    for num, what in zip(table.shape, ("sample", "feature"), strict=True):
        if num == 0:
            raise UserError(f"Found a table with 0 {what}(s) (shape={table.shape}) while a minimum of 1 is required.")
    return table
