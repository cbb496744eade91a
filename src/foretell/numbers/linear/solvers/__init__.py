"""Solvers of least squares: one a file."""
