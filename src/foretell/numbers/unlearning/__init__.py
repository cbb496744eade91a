"""Unlearning: removing the influence of some training rows from a fitted regressor. One method a file; metrics, attacks and the report."""
