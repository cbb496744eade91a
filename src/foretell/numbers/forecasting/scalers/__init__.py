"""Scalers: normalisation of each window before a network, undone on its forecast. One scaler a file."""
