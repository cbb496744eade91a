"""Deterministic byte automata, and how they tell which tokens may come next."""
