"""Static analysis of a program that is being written, for monitors."""
