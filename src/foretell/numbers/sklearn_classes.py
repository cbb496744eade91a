"""Classes of scikit-learn that are kept attribute by attribute."""

from __future__ import annotations

import importlib

#: scikit-learn's classes whose attributes are plain data, and where they are imported from.
SKLEARN = {
    **dict.fromkeys(("DummyRegressor",), "sklearn.dummy"),
    **dict.fromkeys(("TransformedTargetRegressor", "ColumnTransformer"), "sklearn.compose"),
    **dict.fromkeys(("Ridge", "RidgeCV", "LinearRegression", "Lasso", "ElasticNet", "QuantileRegressor"), "sklearn.linear_model"),
    **dict.fromkeys(("StandardScaler", "MinMaxScaler", "RobustScaler", "OneHotEncoder", "OrdinalEncoder"), "sklearn.preprocessing"),
    **dict.fromkeys(("FunctionTransformer", "PolynomialFeatures"), "sklearn.preprocessing"),
    "SimpleImputer": "sklearn.impute",
    "Pipeline": "sklearn.pipeline",
}


def is_plain(cls: type) -> bool:
    """Whether this is one of scikit-learn's classes whose attributes are plain data."""
    return cls.__name__ in SKLEARN and cls is getattr(importlib.import_module(SKLEARN[cls.__name__]), cls.__name__)
