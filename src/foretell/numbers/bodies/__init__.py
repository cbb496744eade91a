"""Bodies: the layers of a network below its last one. One body a file."""
