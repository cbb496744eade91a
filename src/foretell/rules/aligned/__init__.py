"""Grammar-aligned sampling: what was learnt from samples, and how it is kept."""
