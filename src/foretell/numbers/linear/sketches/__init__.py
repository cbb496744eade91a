"""Random summaries of tall tables: one a file."""
