"""Targets: how the outputs of a network encode a number. One encoding a file."""
