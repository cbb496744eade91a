"""What drafters share: tables of successors, tree builders, draft caches."""
