"""Other programs that a user might use instead, on the same weights: one a file, found by discovery."""
