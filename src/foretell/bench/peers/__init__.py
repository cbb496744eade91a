"""Peers: other programs for the same weights, one a file, found by discovery."""
