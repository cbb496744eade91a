"""Shared code of drafters: tables of successors, tree builders, draft caches."""
