"""What is taken from a window before a network sees it, and given back to the forecast: one scaler a file."""
