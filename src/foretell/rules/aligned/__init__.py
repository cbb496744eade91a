"""Grammar-aligned sampling: what is learnt from samples, and the states that use it."""
