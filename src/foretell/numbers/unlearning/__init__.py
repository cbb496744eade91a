"""Unlearning: taking chosen training rows' influence out of a fitted regressor. One method a file; metrics, attacks and the report."""
