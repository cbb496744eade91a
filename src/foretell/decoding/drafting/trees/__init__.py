"""Builders of draft trees from a table of successors."""
