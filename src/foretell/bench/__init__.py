"""Measuring recipes and other programs side by side, and choosing the fastest recipe."""
