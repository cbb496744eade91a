"""Intervals that hold as many true values as they say, around any prediction."""
