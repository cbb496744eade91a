"""Pairs: the samples that an anchor is contrasted with. One kind a file; kinds are joined by `+`."""
