"""Shared code of searches: frontier, search tree, n-gram tables, rescoring."""
