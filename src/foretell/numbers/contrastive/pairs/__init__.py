"""Whom an anchor is compared with: one kind of others a file; kinds are joined by `+`."""
