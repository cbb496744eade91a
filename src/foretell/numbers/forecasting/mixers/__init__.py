"""Mixers: how information passes between series. One mixer a file."""
