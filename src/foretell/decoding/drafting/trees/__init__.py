"""Ways of making a draft tree from a table of successors."""
