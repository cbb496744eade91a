"""How a network says a number: one encoding a file."""
