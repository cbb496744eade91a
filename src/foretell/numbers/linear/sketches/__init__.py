"""Random sketches of tall tables: one a file."""
