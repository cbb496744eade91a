"""Ways of solving least squares: one a file."""
