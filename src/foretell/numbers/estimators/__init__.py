"""Estimators: one a file, found by discovery (`foretell.numbers.all_estimators()`)."""
