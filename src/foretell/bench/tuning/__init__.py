"""Finds the recipe for this model, this machine and these prompts, and says why."""
