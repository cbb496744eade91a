"""Conformal prediction: intervals with a coverage guarantee around any point prediction."""
