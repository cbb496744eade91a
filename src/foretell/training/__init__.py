"""Fits networks: one small trainer, losses, and text that every machine has. Nothing here is imported by decoding."""
