"""Bases: orthogonal transforms of windows. One basis a file."""
