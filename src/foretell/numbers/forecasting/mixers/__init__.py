"""How series look at each other: one mixer a file."""
